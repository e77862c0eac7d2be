"""The view on disk: SQLite. Positions, sums and everything else of a batch change in one transaction.

After kill -9 it stands where the last committed batch left it, and reading goes on behind that. One process writes,
under a lock; whoever asks reads a consistent snapshot beside it.
"""

import fcntl
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from infra.errors import FatalConfiguration
from infra.kafka.log import TopicPartition
from infra.kafka.scan import Entry
from streams.insights.fold import Changes, ModelKey, SubjectKey, fold
from streams.insights.models import ModelFacts
from streams.insights.people import PersonFacts
from streams.insights.subject import Subject
from streams.insights.sums import Amount, Cell
from streams.insights.tallies import Input
from streams.insights.windows import SIZED, Width, window_start
from streams.workflow.types import Costs

logger = logging.getLogger(__name__)
VERSION: Final = "2"  # of what is folded and how it is kept; another one is rebuilt from the log
SEEN_BYTES: Final = 16
TABLES: Final = """
create table if not exists meta(name text primary key, value) without rowid;
create table if not exists pos(topic text, partition int, offset int, primary key(topic, partition)) without rowid;
create table if not exists covered(
  stage text, topic text, partition int, last int, primary key(stage, topic, partition)) without rowid;
create table if not exists seen(id blob primary key) without rowid;
create table if not exists subject(
  workflow text, request_id text, facts blob, primary key(workflow, request_id)) without rowid;
create table if not exists model(
  workflow text, digest text, facts blob, primary key(workflow, digest)) without rowid;
create table if not exists person(
  workflow text, reviewer_id text, facts blob, primary key(workflow, reviewer_id)) without rowid;
create table if not exists costs(workflow text primary key, rates blob) without rowid;
create table if not exists sums(
  width int, start int, workflow text, measure text, count int, total int,
  primary key(width, start, workflow, measure)) without rowid;
create table if not exists note(name text primary key, count int) without rowid;
"""


class ViewTaken(FatalConfiguration):
    """Another insights process keeps this view: give each replica a slot of its own (`hitl run insights --slot 1`)."""


class ViewWriter:
    """The one that writes. `origin` names the log: a view of another one is begun anew."""

    def __init__(self, folder: Path, *, origin: str) -> None:
        """Raises `ViewTaken`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "view.db"
        self._lock = (folder / "lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise ViewTaken from error
        self._origin = f"{VERSION} {origin}"
        self._db = self._open()
        self.positions = self._kept_positions()
        self._covered: dict[Input, int] = {Input(*row[:3]): row[3] for row in self._db.execute("select * from covered")}

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    def position(self, topic: str, partition: int) -> int:
        """The last offset that was applied; -1 before the first."""
        return self.positions.get(TopicPartition(topic, partition), -1)

    def begin_anew(self) -> None:
        """Forget everything: the log is another one than the view tells of."""
        self._db.close()
        for file in self.path.parent.glob("view.db*"):
            file.unlink()
        self._db = self._open()
        self.positions, self._covered = {}, {}

    def apply(self, entries: Iterable[Entry]) -> Changes:
        """Fold what was not applied before; positions move with it or not at all."""
        reached = dict(self.positions)
        news: list[Entry] = []
        for entry in entries:
            place = TopicPartition(entry.topic, entry.partition)
            if entry.offset > reached.get(place, -1):
                reached[place] = entry.offset
                news.append(entry)
        if not news:
            return Changes()
        with self._transaction():
            made = fold(news, self)
            self._write(made)
        self.positions = reached
        self._covered |= made.covered
        return made

    # ---- what the fold asks ----

    def subject(self, key: SubjectKey) -> Subject | None:
        row = self._db.execute("select facts from subject where workflow=? and request_id=?", key).fetchone()
        return _subject.decode(row[0]) if row else None

    def covered(self, place: Input) -> int:
        return self._covered.get(place, -1)

    def is_seen(self, event_id: str) -> bool:
        return self._db.execute("select 1 from seen where id=?", (_seen(event_id),)).fetchone() is not None

    def model(self, key: ModelKey) -> ModelFacts | None:
        row = self._db.execute("select facts from model where workflow=? and digest=?", key).fetchone()
        return _model.decode(row[0]) if row else None

    # ---- inside ----

    def _open(self) -> sqlite3.Connection:
        db = connection(self.path, "pragma journal_mode=wal; pragma synchronous=normal; pragma cache_size=-16000;")
        db.executescript(TABLES)
        found = db.execute("select value from meta where name='origin'").fetchone()
        if found is None:
            db.execute("insert into meta values('origin', ?)", (self._origin,))
        elif found[0] != self._origin:
            logger.warning("The view tells of another log, or is of another version; it is rebuilt.")
            db.close()
            for file in self.path.parent.glob("view.db*"):
                file.unlink()
            return self._open()
        return db

    def _kept_positions(self) -> dict[TopicPartition, int]:
        return {TopicPartition(topic, part): at for topic, part, at in self._db.execute("select * from pos")}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def _write(self, made: Changes) -> None:
        many = self._db.executemany
        many("insert or replace into subject values(?,?,?)", [(*key, _pack(v)) for key, v in made.subjects.items()])
        many("insert or ignore into seen values(?)", [(_seen(each),) for each in made.seen])
        many("insert or replace into covered values(?,?,?,?)", [(*place, last) for place, last in made.covered.items()])
        many("insert or replace into model values(?,?,?)", [(*key, _pack(v)) for key, v in made.models.items()])
        many("insert or replace into person values(?,?,?)", [(*key, _pack(v)) for key, v in made.people.items()])
        many("insert or replace into costs values(?,?)", [(name, _pack(v)) for name, v in made.costs.items()])
        many(
            "insert into sums values(?,?,?,?,?,?) on conflict do update set "
            "count=count+excluded.count, total=total+excluded.total",
            widened(made.sums.items()),
        )
        many(
            "insert into note values(?,?) on conflict do update set count=count+excluded.count",
            [(str(name), count) for name, count in made.notes.items()],
        )
        many("insert or replace into pos values(?,?,?)", [(*place, at) for place, at in made.positions.items()])
        self._db.execute(
            "insert into meta values('latest', ?) on conflict do update set value=max(value, excluded.value)",
            (made.latest,),
        )


class Snapshot:
    """What one moment's view says; close it soon."""

    def __init__(self, path: Path) -> None:
        self._db = connection(path, "pragma query_only=1;")
        self._db.execute("begin")

    def __enter__(self) -> "Snapshot":
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def sums(self, width: Width, start: int, end: int) -> dict[int, dict[str, dict[str, Amount]]]:
        """Amounts by window, workflow and measure, of windows that start in [start, end)."""
        found: dict[int, dict[str, dict[str, Amount]]] = {}
        rows = self._db.execute(
            "select start, workflow, measure, count, total from sums where width=? and start>=? and start<? "
            "and (count!=0 or total!=0)",
            (int(width), start, end),
        )
        for begun, workflow, measure, count, total in rows:
            found.setdefault(begun, {}).setdefault(workflow, {})[measure] = Amount(count, total)
        return found

    def span(self, start: int, end: int, width: Width) -> dict[str, dict[str, Amount]]:
        """Amounts by workflow and measure, summed over the windows of this width that start in [start, end)."""
        found: dict[str, dict[str, Amount]] = {}
        rows = self._db.execute(
            "select workflow, measure, sum(count), sum(total) from sums where width=? and start>=? and start<? "
            "group by workflow, measure having sum(count)!=0 or sum(total)!=0",
            (int(width), start, end),
        )
        for workflow, measure, count, total in rows:
            found.setdefault(workflow, {})[measure] = Amount(count, total)
        return found

    def whole(self) -> dict[str, dict[str, Amount]]:
        """Amounts of all time by workflow and measure."""
        return self.sums(Width.ALL, 0, 1).get(0, {})

    def costs(self) -> dict[str, Costs | None]:
        """What the policies in force name."""
        return {name: _costs.decode(rates) for name, rates in self._db.execute("select * from costs")}

    def models(self) -> dict[str, dict[str, ModelFacts]]:
        """By workflow and digest."""
        found: dict[str, dict[str, ModelFacts]] = {}
        for workflow, digest, facts in self._db.execute("select * from model"):
            found.setdefault(workflow, {})[digest] = _model.decode(facts)
        return found

    def people(self) -> dict[str, dict[str, PersonFacts]]:
        """By workflow and reviewer id."""
        found: dict[str, dict[str, PersonFacts]] = {}
        for workflow, reviewer_id, facts in self._db.execute("select * from person"):
            found.setdefault(workflow, {})[reviewer_id] = _person.decode(facts)
        return found

    def positions(self) -> dict[str, int]:
        """The last offset applied of each partition, as `topic[partition]`."""
        return {f"{topic}[{number}]": at for topic, number, at in self._db.execute("select * from pos")}

    def notes(self) -> dict[str, int]:
        """What is counted of the reading itself."""
        return dict(self._db.execute("select * from note"))

    def latest(self) -> int | None:
        """Record time of the last record that was applied, milliseconds."""
        row = self._db.execute("select value from meta where name='latest'").fetchone()
        return None if row is None else int(row[0])


def connection(path: Path, pragmas: str) -> sqlite3.Connection:
    """Transactions are begun and ended by hand."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
    db.executescript(f"pragma busy_timeout=5000; {pragmas}")
    return db


def widened(amounts: Iterable[tuple[Cell, Amount]]) -> Sequence[tuple[int, int, str, str, int, int]]:
    """Rows of the sums: each amount once in a window of every width."""
    rows: dict[tuple[int, int, str, str], list[int]] = {}
    for cell, amount in amounts:
        for width in (Width.ALL,) if cell.minute is None else (*SIZED, Width.ALL):
            key = int(width), window_start(cell.minute or 0, width), cell.workflow, cell.measure
            found = rows.setdefault(key, [0, 0])
            found[0] += amount.count
            found[1] += amount.total
    return [(*key, found[0], found[1]) for key, found in rows.items()]


_subject: Final = msgspec.msgpack.Decoder(Subject)
_model: Final = msgspec.msgpack.Decoder(ModelFacts)
_person: Final = msgspec.msgpack.Decoder(PersonFacts)
_costs: Final = msgspec.msgpack.Decoder(Costs | None)
_pack: Final = msgspec.msgpack.Encoder().encode


def _seen(event_id: str) -> bytes:
    return blake2b(event_id.encode(errors="surrogatepass"), digest_size=SEEN_BYTES).digest()


def folder_of(data_dir: Path, slot: str) -> Path:
    """Where the replica in a slot keeps its view."""
    return data_dir / "insights" / slot
