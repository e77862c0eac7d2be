"""The few commands by which the read model is written, on dictionaries: what Redis would hold after them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from infra.redis.connection import Command, Word


@dataclass(slots=True)
class Tables:
    """Strings, sorted sets and sets by key; lifetimes are left out."""

    strings: dict[Word, Word] = field(default_factory=dict)
    sorted_sets: defaultdict[Word, dict[Word, float]] = field(default_factory=lambda: defaultdict(dict))
    sets: defaultdict[Word, set[Word]] = field(default_factory=lambda: defaultdict(set))

    def apply(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self._apply(command)

    def content(self) -> object:
        """Everything, without empty sets, which Redis does not keep either."""
        sorted_sets = {key: members for key, members in self.sorted_sets.items() if members}
        return self.strings, sorted_sets, {key: members for key, members in self.sets.items() if members}

    def _apply(self, command: Command) -> None:
        match command:
            case ("SET", key, value, *_):
                self.strings[key] = value
            case ("ZADD", key, "GT", score, member):
                members = self.sorted_sets[key]
                members[member] = max(float(score), members.get(member, float("-inf")))
            case ("ZADD", key, score, member):
                self.sorted_sets[key][member] = float(score)
            case ("ZREM", key, member):
                self.sorted_sets[key].pop(member, None)
            case ("ZREMRANGEBYSCORE", key, "-inf", last):
                gone = [member for member, score in self.sorted_sets[key].items() if score <= float(last)]
                for member in gone:
                    del self.sorted_sets[key][member]
            case ("ZREMRANGEBYRANK", key, "0", last):
                members = self.sorted_sets[key]
                if (gone_by_rank := len(members) + int(last) + 1) > 0:
                    ranked = sorted(members, key=lambda member: (members[member], _bytes(member)))
                    for member in ranked[:gone_by_rank]:
                        del members[member]
            case ("SADD", key, member):
                self.sets[key].add(member)
            case ("SREM", key, member):
                self.sets[key].discard(member)
            case ("UNLINK", *keys):
                for key in keys:
                    self.strings.pop(key, None)
            case ("PEXPIRE", *_):
                pass
            case _:
                raise AssertionError(f"the read model is not written by {command[0]!r}")


def _bytes(member: Word) -> bytes:
    return member if isinstance(member, bytes) else str(member).encode()
