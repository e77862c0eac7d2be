"""Measurements, each run by `python -m`; none is a test."""
