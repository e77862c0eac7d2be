"""What every service with an HTTP API shares: problems, limits, bodies, its document, its metrics, its end."""
