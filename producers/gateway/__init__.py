"""Where requests, policies and repairs enter the log: files and commands."""
