"""Where reviewers and experts work: the case, what can be answered, what they hold, and how they do."""
