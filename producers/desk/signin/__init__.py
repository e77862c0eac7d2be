"""Who works at the desk: signing in, sessions, and what each role may do."""
