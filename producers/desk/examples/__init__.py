"""Reviewer apps to begin from, each in one file and with the standard library only."""
