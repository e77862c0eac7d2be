"""The door through which people's answers enter."""
