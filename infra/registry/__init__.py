"""An external schema registry: which ids it gives our schemas, and bringing our schemas into it."""
