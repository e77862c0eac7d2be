"""A JSON document as a tree that can be folded, bounded in depth and size. Pure."""

from typing import Final

from producers.desk.pages.present.cleaning import cleaned
from producers.desk.pages.present.model import Node, Tree

DEEPEST: Final = 16
MOST_NODES: Final = 1_000
OPEN_TO: Final = 3  # levels that are unfolded
MOST_OPEN: Final = 50  # children of an object that is unfolded
LONGEST: Final = 2_000  # characters of one text


def tree_of(value: object) -> Tree:
    """The first values of a document, and how many that are."""
    planting = _Planting()
    root = planting.node(None, value, 0)
    return Tree(root=root, caption=f"The first {MOST_NODES:,} values" if planting.cut else "")


class _Planting:
    """How many nodes may still be made."""

    def __init__(self) -> None:
        self._left, self.cut = MOST_NODES, False

    def node(self, key: str | None, value: object, depth: int) -> Node:
        self._left -= 1
        name = None if key is None else cleaned(key[:LONGEST])
        match value:
            case dict() | list():
                pairs = value.items() if isinstance(value, dict) else ((None, each) for each in value)
                children: list[Node] = []
                for inner, each in pairs if depth < DEEPEST else ():
                    if self._left <= 0:
                        break
                    children.append(self.node(inner, each, depth + 1))
                left_out = len(value) - len(children)
                self.cut = self.cut or left_out > 0
                return Node(
                    key=name, kind="object" if isinstance(value, dict) else "array",
                    size=len(value), children=tuple(children), left_out=left_out,
                    is_open=depth == 0 or (depth < OPEN_TO and len(value) <= MOST_OPEN),
                )  # fmt: skip
            case str():
                text = cleaned(value[:LONGEST])
                return Node(key=name, kind="text", text=text, size=len(value), left_out=max(0, len(value) - LONGEST))
            case bool() | None:
                return Node(key=name, kind="word", text={True: "true", False: "false", None: "null"}[value])
        return Node(key=name, kind="number", text=str(value)[:LONGEST])
