"""Readers of the log that do what a log cannot replay: devices, model files, archives."""
