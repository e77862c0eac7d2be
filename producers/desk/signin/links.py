"""One-time links of this machine: a file under data_dir is one, so that only who may write there can make any."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

import msgspec

from infra.settings import Settings
from producers.desk.signin.person import Person
from producers.desk.signin.roles import Role
from producers.desk.signin.secret import digest_of, is_secret

FOLDER: Final = Path("run/desk-links")  # under data_dir
TERM: Final = 5 * 60_000  # milliseconds


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Whom it signs in, and until when; milliseconds since the epoch."""

    person: Person
    ends_at: int


def folder_of(settings: Settings) -> Path:
    """Where the links of an installation on this machine lie."""
    return settings.data_dir / FOLDER


def local_person(reviewer_id: str, roles: Collection[Role] = tuple(Role)) -> Person:
    """Whoever sits at this machine: everything if they like, as whoever can read its secrets is anyway."""
    return Person(reviewer_id=reviewer_id, name=reviewer_id, roles=tuple(role for role in Role if role in roles))


def put_link(folder: Path, person: Person, *, secret: str, now: int) -> Link:
    """A link that is known by the digest of its secret. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for former in folder.iterdir():
        if former.stat().st_mtime * 1_000 < now - 2 * TERM:
            former.unlink(missing_ok=True)
    link = Link(person=person, ends_at=now + TERM)
    with os.fdopen(os.open(folder / digest_of(secret), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(link))
    return link


def take_link(folder: Path, secret: str, *, now: int) -> Person | None:
    """Whom the secret signs in, once: of all who come with it at the same moment one is let in."""
    if not is_secret(secret):
        return None
    file = folder / digest_of(secret)
    taken = file.with_suffix(".taken")
    try:
        file.rename(taken)  # a second one finds nothing to rename
    except FileNotFoundError:
        return None
    try:
        link = msgspec.json.decode(taken.read_bytes(), type=Link)
    finally:
        taken.unlink(missing_ok=True)
    return link.person if now < link.ends_at else None
