"""The same job in our loop and in other frameworks, each in a process and an environment of its own."""
