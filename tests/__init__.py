"""Tests of the pipeline, by kind; what several kinds share stands in `tests/support`."""
