"""Requests in, predictions out: the only stage that needs a device."""
