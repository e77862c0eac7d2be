"""Fixtures, fakes and independent re-implementations that the tests share."""
