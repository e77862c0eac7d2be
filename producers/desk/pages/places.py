"""Where one can go at the desk, and what one must be allowed to do for that. Pure."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from producers.desk.signin.paths import HOME
from producers.desk.signin.roles import Deed, Role, may


class Place(NamedTuple):
    """A page in the navigation."""

    path: str
    text: str
    deed: Deed


PLACES: Final[Sequence[Place]] = (
    Place("/work", "Work", Deed.WORK),
    Place("/lead", "Queues", Deed.SEE_QUEUES),
    Place("/lead/people", "People", Deed.SEE_QUEUES),
    Place("/lead/gold", "Known questions", Deed.MANAGE_GOLD),
    Place("/lead/disagreements", "Disagreements", Deed.BROWSE),
    Place("/audit", "Requests", Deed.BROWSE),
    Place("/models", "Models", Deed.SEE_MODELS),
    Place("/policies", "Policies", Deed.SEE_MODELS),
    Place("/operate", "Flow", Deed.SEE_FIGURES),
    Place("/operate/dead-letters", "Dead letters", Deed.SEE_DEAD_LETTERS),
    Place("/figures", "Figures", Deed.SEE_FIGURES),
)


def places_of(roles: Collection[Role]) -> list[Place]:
    """Those that somebody may go to."""
    return [place for place in PLACES if may(roles, place.deed) is None]


def first_place(roles: Collection[Role]) -> Place | None:
    """Where somebody begins."""
    return next(iter(places_of(roles)), None)


def is_at(place: Place, path: str) -> bool:
    """Whether a page belongs to a place of the navigation.

    >>> is_at(Place("/lead", "Queues", Deed.SEE_QUEUES), "/lead/cases/7")
    True
    """
    return path == place.path or (place.path != HOME and path.startswith(f"{place.path}/"))
