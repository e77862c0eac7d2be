"""Short reservations of cases that can be claimed, so that people who ask at once are not given the same one.

Nothing here is the truth: the log grants or refuses a claim. What is kept lies beside the read model, never in it, and
expires; were it lost, a few claims would be refused. One script finds the case and reserves it, so that two never get
the same. It looks at the first cases of each lane of the person only, and past those that are reserved or that the
person must not get: O(lanes · log n), however many cases wait. The order is that of streams/casework/serving.py, and is
tested against it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from infra.redis.connection import Connection, Script
from infra.redis.keys import Keys
from infra.redis.members import LaneKey, lane_name
from infra.redis.records import RequestRecord, decode_record
from schemas.values import Coordinates, Priority

PASSED_OVER: Final = 600_000  # milliseconds for which a person is not given again what they were refused or gave back
MOST_SKIPPED: Final = 2_000  # cases of one queue that are looked at in order, before some are picked from all of it
SAMPLED: Final = 100  # so many: a person may have answered thousands that wait for the answers of others
EVER: Final = 10**13  # milliseconds since the epoch: later than any turn, and exact in Lua

RESERVE: Final = Script("""\
local reserved, theirs, given, at_work, people, in_hand, answered, passed_over, offsets = unpack(KEYS, 1, 9)
local ask = cmsgpack.unpack(ARGV[1])
local now, who = ask.now, ask.reviewer_id
redis.call('ZADD', at_work, now, who)
redis.call('HSET', people, who, ask.person)
redis.call('ZREMRANGEBYSCORE', reserved, '-inf', now)
redis.call('ZREMRANGEBYSCORE', passed_over, '-inf', now)

local held, waiting = redis.call('ZCOUNT', in_hand, '(' .. now, '+inf'), 0
local taken = redis.call('HGETALL', theirs)
for at = 1, #taken, 2 do
  local expires, place, offset = string.match(taken[at + 1], '^(%d+) ?(%S*) ?(%d*)$')
  local seen = place ~= '' and tonumber(redis.call('HGET', offsets, place) or '0') > tonumber(offset)
  if tonumber(expires) <= now or seen then redis.call('HDEL', theirs, taken[at])
  elseif not redis.call('ZSCORE', in_hand, taken[at]) then held = held + 1 end
end
for at = 10, #KEYS do waiting = waiting + redis.call('ZCARD', KEYS[at]) end
if held >= ask.wip_limit then return {'enough_in_hand', held} end
if #KEYS == 9 then return {'no_lane', held} end
if waiting == 0 then return {'none_waits', held} end
if held >= ask.share then return {'fair_share', held} end

local function free_ones(found)
  local ids, free = {}, {}
  for at = 1, #found, 2 do
    ids[#ids + 1] = string.sub(found[at], string.find(found[at], ':', 1, true) + 1)
  end
  local taken, done = redis.call('ZMSCORE', reserved, unpack(ids)), redis.call('SMISMEMBER', answered, unpack(ids))
  local passed = redis.call('ZMSCORE', passed_over, unpack(ids))
  for at, id in ipairs(ids) do
    if not taken[at] and done[at] == 0 and not passed[at] then
      free[#free + 1] = {turn = tonumber(found[2 * at]), member = found[2 * at - 1], id = id}
    end
  end
  return free
end
local function before(one, other)
  return one.turn < other.turn or (one.turn == other.turn and one.member < other.member)
end
local function first(key, since, before_)
  local offset, page = 0, 4
  while offset < ask.most_skipped do
    local found = redis.call('ZRANGEBYSCORE', key, since, '(' .. before_, 'WITHSCORES', 'LIMIT', offset, page)
    if #found == 0 then return nil end
    local free = free_ones(found)
    if free[1] then return free[1] end
    if #found < 2 * page then return nil end
    offset, page = offset + page, math.min(256, 4 * page)
  end
  local best
  for _, case in ipairs(free_ones(redis.call('ZRANDMEMBER', key, ask.sampled, 'WITHSCORES'))) do
    if case.turn >= since and case.turn < before_ and (not best or before(case, best)) then best = case end
  end
  return best
end
local function earliest(since, before_)
  local best
  for at = 10, #KEYS do
    local case = first(KEYS[at], since, before_)
    if case and (not best or before(case, best)) then best = case; best.key = at end
  end
  return best
end
local function by_priority(since)
  for priority = 1, 4 do
    local best, able, soonest
    for lane = 1, #ask.able do
      local at = 9 + (lane - 1) * 4 + priority
      local case = first(KEYS[at], since, ask.ever)
      if case then
        case.key = at
        if not soonest or before(case, soonest) then soonest = case end
        if not best or ask.able[lane] < able or (ask.able[lane] == able and before(case, best)) then
          best, able = case, ask.able[lane]
        end
      end
    end
    if best then return best, best == soonest and 'priority' or 'scarce_skill' end
  end
end

local place = tonumber(redis.call('HGET', given, who) or '0') % ask.cycle
local case, because
if place == math.floor(ask.cycle / 2) - 1 then
  case, because = earliest(ask.hopeless, ask.soon), 'last_call'
elseif place == ask.cycle - 1 then
  case, because = earliest(-ask.ever, ask.hopeless), 'overdue'
end
if not case then case, because = by_priority(ask.hopeless) end
if not case then case, because = earliest(-ask.ever, ask.hopeless), 'nothing_in_time' end
if not case then return {'none_waits', held} end
redis.call('ZADD', reserved, now + ask.keep_ms, case.id)
redis.call('HSET', theirs, case.id, string.format('%d', now + ask.keep_ms))
redis.call('PEXPIRE', theirs, ask.keep_ms)
redis.call('HINCRBY', given, who, 1)
return {'reserved', case.id, case.key - 10, because, redis.call('GET', ask.request .. case.id) or ''}
""")


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asks for a case, and the numbers of the rule; times in milliseconds."""

    reviewer_id: str
    person: str  # as others at work are told of them
    now: int
    hopeless: int  # what is due before cannot be in time
    soon: int  # what is due before is on last call
    cycle: int
    wip_limit: int
    share: int  # cases that one may hold while others at work may want what waits
    keep_ms: int  # how long the reservation lasts


class Reserved(NamedTuple):
    """A case that nobody else is given for a while; `record` as the read model has it, None when it lost it."""

    request_id: str
    lane: LaneKey
    priority: Priority
    because: str  # as streams.casework.serving.Because
    record: RequestRecord | None


class Nothing(NamedTuple):
    """Why there is no case for this person, as streams.casework.eligibility.Idle; how many they hold."""

    why: str
    held: int


class Reservations:
    """The reservations of one installation. Every call may raise `RedisUnavailable` or `RedisRefused`."""

    def __init__(self, redis: Connection, keys: Keys) -> None:
        self._redis, self._keys = redis, keys
        self._prefix = keys.prefix.rstrip(":") + "reserving:"  # the index clears what begins with its own prefix

    def reserve(self, asking: Asking, lanes: Mapping[LaneKey, int]) -> Reserved | Nothing:
        """The next case in these lanes, each with the number of people able to do it."""
        who, names = asking.reviewer_id, [lane_name(*lane) for lane in lanes]
        keys = (
            self._named("reserved"), self._named(f"theirs:{who}"), self._named("given"), self._named("at_work"),
            self._named("people"), self._keys.in_hand(who), self._keys.answered(who), self._named(f"passed_over:{who}"),
            self._keys.offsets,
            *(self._keys.claimable(name, priority) for name in names for priority in Priority),
        )  # fmt: skip
        answer = self._redis.run(RESERVE, keys, (self._packed(asking, tuple(lanes.values())),))
        what = answer[0].decode()
        if what != "reserved":
            return Nothing(what, answer[1])
        _, request_id, at, because, record = answer
        lane, priority = list(lanes)[at // len(Priority)], list(Priority)[at % len(Priority)]
        known = decode_record(record) if record else None
        return Reserved(request_id.decode(), lane, priority, because.decode(), known)

    def granted(self, reviewer_id: str, request_id: str, grant: Coordinates, *, now: int, keep_ms: int) -> None:
        """The log gave them the case: it counts as reserved until the read model has seen that, and then as theirs."""
        name, expires = self._named(f"theirs:{reviewer_id}"), now + keep_ms
        place = f"{grant.topic}[{grant.partition}]"
        self._redis.together(
            [
                ("HSET", name, request_id, f"{expires} {place} {grant.offset}"),
                ("PEXPIRE", name, keep_ms),
            ]
        )

    def drop(self, reviewer_id: str, request_id: str) -> None:
        """It is not theirs, but somebody's: nobody is given it until the reservation ends by itself."""
        self._redis.call("HDEL", self._named(f"theirs:{reviewer_id}"), request_id)

    def give_back(self, reviewer_id: str, request_id: str) -> None:
        """It is free again."""
        theirs = self._named(f"theirs:{reviewer_id}")
        self._redis.together([("HDEL", theirs, request_id), ("ZREM", self._named("reserved"), request_id)])

    def pass_over(self, reviewer_id: str, request_id: str, *, now: int) -> None:
        """It is not for this person for a while: they give it back, or must not have it."""
        name = self._named(f"passed_over:{reviewer_id}")
        self._redis.together([("ZADD", name, str(now + PASSED_OVER), request_id), ("PEXPIRE", name, PASSED_OVER)])

    def offer_again(self, reviewer_id: str, request_id: str) -> None:
        """They did not give it back after all."""
        self._redis.call("ZREM", self._named(f"passed_over:{reviewer_id}"), request_id)

    def at_work(self, *, since: int) -> list[str]:
        """Everybody who has asked for a case since (milliseconds), as they told it; the others are forgotten."""
        at_work, people = self._named("at_work"), self._named("people")
        gone = self._redis.call("ZRANGE", at_work, "-inf", f"({since}", "BYSCORE")
        if gone:
            self._redis.together([("ZREM", at_work, *gone), ("HDEL", people, *gone)])
        return [person.decode() for person in self._redis.call("HVALS", people)]

    def held(self, reviewers: Iterable[str]) -> int:
        """How many cases these people have a lease on."""
        return sum(self._redis.together([("ZCARD", self._keys.in_hand(reviewer)) for reviewer in reviewers]))

    def _named(self, what: str) -> str:
        return self._prefix + what

    def _packed(self, asking: Asking, able: Sequence[int]) -> bytes:
        """As cmsgpack reads it: its strings may be of any bytes, and it knows no binary type."""
        more = {"able": able, "request": self._keys.request(""), "ever": EVER}
        more |= {"most_skipped": MOST_SKIPPED, "sampled": SAMPLED}
        return msgspec.msgpack.encode({**msgspec.structs.asdict(asking), **more})
