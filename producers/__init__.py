"""Doors through which requests and people's answers enter the log."""
