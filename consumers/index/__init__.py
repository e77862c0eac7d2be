"""The read model: queues, statuses, cases and reviewers, folded from the log into Redis."""
