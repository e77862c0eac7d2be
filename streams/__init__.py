"""Stages that decide: pure functions over the log that replay to the same bytes."""
