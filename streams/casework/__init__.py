"""The life of a case: opened by an announcement, answered once by a person, or escalated, or expired."""
