"""Event ids derive from what caused the event: a replay writes the same id, and readers drop it."""


def derive_id(step: str, *cause: str | int) -> str:
    """The id of the event that `step` makes of a cause, such as `outcome:4711` or `case:4711:3`."""
    return f"{step}:{cause[0]}" if len(cause) == 1 else ":".join((step, *map(str, cause)))
