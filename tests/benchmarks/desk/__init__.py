"""The desk over HTTP with very many open cases, on the real stack, beside what review tools of today need."""
