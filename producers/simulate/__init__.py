"""Recorded people and synthetic load; a simulation, and named so in everything it writes."""
