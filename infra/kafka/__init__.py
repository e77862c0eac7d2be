"""The log: the port to it, the one loop that every stage runs in, and the client that speaks to a cluster."""
