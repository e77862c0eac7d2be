"""Write `schemas/README.md` from the catalogue and the schemas: `python -m schemas.catalogue`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from schemas.avsc import Array, Declaration, Enum, Field, Map, Node, Primitive, Record, Union, parse_avsc, unqualified
from schemas.codec import SchemaVersion, published
from schemas.compatibility import describe
from schemas.topics import DAY, MIB, TOPICS, Topic

README: Final = Path(__file__).with_name("README.md")

INTRODUCTION: Final = """\
# The language of the log

<!-- Written by `python -m schemas.catalogue` from topics.py and avro/: change those, not this page. -->

Everything here travels on Kafka topics as an event: a fact in the past tense, in Avro, keyed so that what concerns
one request keeps its order. The `.avsc` files under [`avro/`](avro) are the truth; the Python types in
[`events/`](events) agree with them field by field, which a test proves.

## The bytes of a record

The value is the Confluent wire format; the key is the key's text in UTF-8.

| bytes | what |
|---|---|
| 0 | magic byte, always 0 |
| 1–4 | schema id, big-endian; [`avro/ids.json`](avro/ids.json) names the schema of each id and its fingerprint |
| 5– | the Avro body, as the schema says |

- `*_fingerprint` is CRC-64-AVRO of the schema's parsing canonical form, 8 bytes, little-endian: a name for the schema
  that holds in every cluster, whatever its ids are.
- `request_body` is the Avro body of a `DecisionRequested`, byte for byte as it was sent (without the five bytes in
  front); `request_fingerprint` names the schema that reads it.
- Times are milliseconds since 1970-01-01 UTC (`timestamp-millis`). Probabilities and confidences lie between 0 and 1.
- Keys choose the partition by murmur2, the default of Java, kafkajs and franz-go. librdkafka (C, Python, .NET, Rust,
  confluent-kafka-go) must be told: `partitioner=murmur2_random`. A record in the wrong partition is refused. To check a
  client: of 4 partitions (of 12) the key `post-1` belongs to 1 (5), `post-2` to 1 (9), `4711` to 2 (10), `grüße` to
  0 (8).
- Our services write without compression, unless `HITL_KAFKA_COMPRESSION_TYPE` says otherwise; they read every kind.
  (kafkajs by itself reads gzip only.) Records carry no headers, and headers of yours are passed over.
- Read with `isolation.level=read_committed`: what an aborted transaction wrote is not part of the log.
- A topic's name on the cluster carries the installation's prefix (`hitl.` unless set otherwise): `requests` is
  `hitl.requests` there. Inside events the name stands without it.
- Every published version of a schema can read every other (FULL_TRANSITIVE), so an app may stay on the version that
  it was built with.

## From Java, Go or anything else

1. Take the `.avsc` of the events that you write or read. Each file stands alone: generate classes from it, or parse it
   at start.
2. To write: the byte 0, the id from `avro/ids.json` in four bytes, then the Avro body. The serializers of the
   Confluent family write the same once the schemas are registered under these ids.
3. To read: look the id up, read the body with that schema, resolve it to the version that you were built with.
4. Prove it against [`examples/`](examples): each `.bin` is a value as it lies in the log, and the `.json` beside it
   says what is in it (bytes as base64; a field that is left out has its default). Encoding the one must give the
   other, byte for byte, but for what Avro leaves open: the order in a map, and how arrays and maps are cut in blocks.

[`asyncapi.json`](asyncapi.json) says the same for machines, as AsyncAPI 3.0: channels with their settings, messages
with their Avro schemas and ids, operations by role. Whole programs, a publisher and a reviewer app, each started by a
test against the whole pipeline: [Node](../tests/e2e/node) (kafkajs, avsc), [Go](../tests/e2e/go) (franz-go, hamba/avro)
and [Python](../README.md#publish-requests-from-your-own-app).

## With a schema registry

No registry is needed: `avro/ids.json` names every id. Where an organisation has one, it can hold the same schemas, and
serializers of the Confluent family then read and write without a file from here. An event's versions are registered
under the full name of its record, such as `hitl.DecisionMade` (RecordNameStrategy: a topic carries several events), and
every subject is FULL_TRANSITIVE, so that the registry, too, refuses a version that some reader could not read.

```sh
export HITL_SCHEMA_REGISTRY_URL=http://registry:8080/apis/ccompat/v7   # its Confluent API; here Apicurio's
export HITL_SCHEMA_REGISTRY_USER=… HITL_SCHEMA_REGISTRY_PASSWORD=…     # only where it asks for them
hitl schemas load                 # Apicurio 3: register what is missing, under the ids of ids.json
hitl schemas load --own-ids       # any other one: under ids that the registry gives
hitl schemas check                # does every id mean our schema there? (--own-ids: is every schema there?)
hitl schemas export schemas.zip   # the archive that Apicurio's own import takes, to look at or to load by hand
make registry                     # an Apicurio with our schemas on this machine, in memory, until Ctrl-C
```

- `load` never changes what is there. Where the registry has one of our schemas under another id, or one of our ids for
  another schema, it does nothing and says which.
- While HITL_SCHEMA_REGISTRY_URL is set, every service and command takes all ids from the registry: by fingerprint,
  once, at its start. Without an answer, or without one of the schemas, it does not start; a service is tried again by
  its supervisor. Later the registry may be away: nothing asks it again.
- The cluster keeps the ids that it was given first (`hitl topics apply`). Whatever comes with other ids is refused at
  its start: set the variable for everything on a cluster, or for nothing. A log that was begun with one id space cannot
  change to another; begin under a new HITL_TOPIC_PREFIX.
- For producers of your own: `auto.register.schemas=false`, `use.latest.version=true`, RecordNameStrategy. A schema that
  a serializer registers by itself may get an id of its own, and a record under an id that is none of these becomes a
  dead letter (`unknown_schema`).
- A registry with a certificate of your own: name the authority's file in SSL_CERT_FILE.

## What became of it

**A request** is answered by one `DecisionMade` on `outcomes`, under the same key, whoever decides. Sending it again is
safe; it is decided once. One that cannot be processed becomes a dead letter and gets no outcome: operators see it with
`hitl dead-letters list` (its `origin` names the sender's record), and `hitl dead-letters replay` sends it again. The
reasons:

| reason | what to do |
|---|---|
| `empty` | send a value |
| `undecodable` | send the five bytes, then a body that is exactly what the schema says |
| `unknown_schema` | use an id of `avro/ids.json` |
| `invalid` | a value that the schema cannot forbid; the detail names it |
| `wrong_event` | send to a topic what belongs there |
| `wrong_key` | the key is the request id, in UTF-8 |
| `wrong_partition` | use murmur2 |
| `too_large` | send the content by reference: `content_uri`, `content_sha256` |
| `unknown_workflow` | publish the workflow's policy first (`hitl policy publish`), then replay the dead letter |
| `id_conflict` | another request has this id already: choose ids that are yours alone |

**A decision** is answered on `assignments` by the first event whose `cause` names its record (topic, partition and
offset, as your producer was told them): `CaseClosed` when it decided the case, `CaseEscalated` when it goes to an
expert, `AnswerCounted` when a further person is asked, `AnswerReceived` while it may still be taken back
(`grace_seconds`), `DecisionRefused` when nothing came of it. A value that is no `ReviewDecided` at all becomes a dead
letter.

**A command** (`CaseActionRequested` on `review-commands`) is answered the same way: `claim` and `hand_over` by
`LeaseGranted`, `renew` (or claiming one's own case again) by `LeaseExtended`, `release` by `LeaseEnded` or `HoldEnded`,
`hold` by `CaseHeld`, `note` by `CaseNoted`, `return` (experts) by `CaseReturned`, `reprioritise` (leads) by
`CaseReprioritised`, `undo` by `AnswerWithdrawn` and a new `LeaseGranted`; else by `CommandRefused`. No claim is needed
to decide a case that nobody has. With one, nobody else can: send its `lease` with the decision, renew it before
`expires_at`, and an answer that comes too late changes nothing, whoever has the case by then. The reasons of both:

| reason | what to do |
|---|---|
| `wrong_key` | the key is the request id, in UTF-8 |
| `wrong_partition` | use murmur2 |
| `impossible_coordinates` | `review` names the record that is answered: topic without prefix, partition, offset |
| `unknown_case` | check the request id |
| `finished` | take the next case: somebody was faster |
| `superseded` | the case went to an expert, or back, and is announced anew; the detail says where |
| `other_review` | answer the announcement that the detail names |
| `bad_value` | confidence, action, label or a length; the detail says which and what is allowed |
| `no_recommendation` | `mark_wrong` needs one: approve, reject or escalate |
| `not_allowed` | an expert approves or rejects; reviewers do not return a case |
| `same_person` | nobody answers a case twice, or judges anew what they took part in |
| `already_leased` | somebody has claimed it: take another case |
| `not_owner` | somebody else has it, or nobody: claim it first |
| `stale_lease` | the lease has run out or was passed on: claim the case again |
| `on_hold` | somebody has set it aside: take another case |
| `answer_pending` | somebody has answered and may take it back for a moment: take another case |
| `too_late` | an answer that has taken effect is not taken back: file an appeal |
| `missing_skill` | whoever knows what the case needs must answer; enrolment and tokens say who does |
| `missing_role` | the case is for experts, or the command for leads |
| `not_enrolled` | the workflow asks for enrolled people: `hitl reviewers enrol` |
| `not_active` | the person is set inactive |
| `not_qualified` | people disagree about the case, and this person's answers are not reliable enough to settle it |
| `out_of_scope` | the token lets its app do less than this, or in other workflows: get one that does |
| `self_appeal` | nobody judges an appeal of their own |

While a signing key is in force (`hitl identity`), every decision and command must carry its person's `token`. Else it
is refused, and counted as forged:

| reason | what to do |
|---|---|
| `missing_token` | identity is on: send the person's token in `token` |
| `token_too_long` | at most 4,096 characters: get one with fewer skills |
| `malformed_token` | send the token whole and unchanged, as the gateway issued it |
| `wrong_algorithm` | only EdDSA (Ed25519) counts: get one from the gateway |
| `unknown_key` | signed with a key not published here: get one from this installation's gateway |
| `retired_key` | its key is retired: get a new token |
| `bad_signature` | not signed by the key that it names: send it unchanged |
| `other_installation` | issued for another topic prefix: get one here |
| `not_yet_valid` | the issuer's clock is ahead: set it, get a new one |
| `expired_token` | get a new one and send the answer again |
| `revoked_token` | withdrawn: get a new one |
| `wrong_person` | the token is somebody else's: send that of `reviewer_id` |

An `AppealFiled` is answered beside it on `appeals`, which reviewers cannot read: `AppealNoted` when it waits for a
review that is under way, `AppealRefused` when nothing came of it; or by `CaseReopened` on `assignments`, when an
expert is asked. The reasons:

| reason | what to do |
|---|---|
| `not_decided` | wait for the outcome |
| `already_appealed` | a request is appealed once; the detail says how far that appeal is |
| `repeated` | nothing: this appeal was taken on before |
| `bad_value` | the length of an id or of the statement; the detail says which and what is allowed |
| `unknown_workflow` | no policy is in force for the workflow |

The judgement follows on `outcomes`: `OutcomeAmended` or `OutcomeUpheld`, with the event id of the original. The newest
of `DecisionMade` and `OutcomeAmended` of a request is in force; there is exactly one `DecisionMade` of each.

## Looking at topics with kcat

kcat (Debian: `apt-get install kcat`) shows where records lie, their keys and sizes. It reads committed records only,
unless `-X isolation.level=read_uncommitted` says otherwise, and knows no Avro: the values are left to a codec.
`hitl status` names the broker.

```sh
# the end of each partition (ends of transactions take offsets, too): where, when (ms), key, size, headers
kcat -b $BROKER -C -t hitl.outcomes -o -5 -e -q -f '%t[%p]@%o %T %k %S bytes, headers: %h\\n'
# every record about one request, with the magic byte and the schema's id
kcat -b $BROKER -C -t hitl.assignments -o beginning -e -q -s value='>b i' -f '%k %p@%o schema %s\\n' | grep '^post-1 '
# everything since a moment (ms); `-o end` without `-e` follows instead
kcat -b $BROKER -C -t hitl.requests -o s@1767225600000 -e -q -f '%p@%o %k\\n'
# the bytes of one value, decoded by our codec; in a file they are like those in examples/
kcat -b $BROKER -C -t hitl.requests -p 1 -o 0 -c 1 -e -q -D '' | python -c \\
  'import sys; from schemas.codec import Codec; print(Codec.of_repository().decode(sys.stdin.buffer.read()))'
```

The same with everything decoded, no kcat needed:

```sh
hitl topics read outcomes --from -1                                    # the newest of each partition
hitl topics read assignments --key post-1
hitl topics read requests --from 2026-01-01 --json | jq .value.workflow
hitl topics read review.high --from end --follow
```

## Changing an event

A published `.avsc` is never edited (its documentation may improve). Copy it to the next version, `v2.avsc`, change that
one and the Python type, write `v2.full.json` and `v2.minimal.json` beside the older examples, and run
`python -m schemas.publishing`: it gives the version its id and the examples their bytes, and brings this page and
`asyncapi.json` up to date. Where a registry is used, `hitl schemas load` comes next, then `hitl topics apply`, then the
services. `make contract` refuses a version that cannot read, or be read by, every other: a field that
is added or removed needs a default, and what may grow is a string with its values in the documentation rather than an
enum.
"""


def readme() -> str:
    """The whole page, from the catalogue and the current schemas."""
    current = {version.name: version for version in published()}
    declared = {name: parse_avsc(version.source) for name, version in current.items()}
    return "\n".join(
        [INTRODUCTION, *_topics(), "## Events", "", *_events(current, declared), *_parts(declared.values())]
    )


def write_readme() -> None:
    """Bring the page up to date."""
    README.write_text(readme())


def _topics() -> Iterator[str]:
    yield "## Topics"
    yield ""
    yield from _table(
        ("topic", "key", "partitions", "events", "kept", "largest value", "clock", "written by", "read by"),
        (_topic_row(topic) for topic in TOPICS),
    )
    yield (
        "*shared*: the installation's partition count, the same for every such topic, so that what concerns one request"
        " meets in one process. Clock *broker*: the time of appending counts, whatever the sender's clock says."
    )
    yield ""


def _topic_row(topic: Topic[Any]) -> tuple[str, ...]:
    return (
        f"`{topic.name}`",
        topic.keyed,
        "shared" if topic.partitioned else "1",
        ", ".join(f"[{kind.__name__}](#{kind.__name__.lower()})" for kind in topic.events),
        _kept(topic),
        f"{topic.max_value_bytes // MIB} MiB",
        "broker" if topic.append_time else "writer",
        ", ".join(topic.writers),
        ", ".join(topic.readers),
    )


def _kept(topic: Topic[Any]) -> str:
    if topic.compacted:
        return "newest of each key"
    return "for ever" if topic.retention_ms < 0 else f"{topic.retention_ms // DAY} days"


def _events(current: dict[str, SchemaVersion], declared: dict[str, Declaration]) -> Iterator[str]:
    for name, declaration in declared.items():
        version = current[name]
        record = declaration.record()
        places = ", ".join(f"`{topic.name}`" for topic in TOPICS if name in {kind.__name__ for kind in topic.events})
        yield f"### {name}"
        yield ""
        yield f"{record.doc} On {places}. Schema [`{version.key}`](avro/{version.key}.avsc), id {version.schema_id}."
        yield ""
        yield from _fields(record, declaration)


def _parts(declared: Iterable[Declaration]) -> Iterator[str]:
    """The records that events share, each once."""
    found = {
        name: (part, schema)
        for schema in declared
        for name, part in schema.named.items()
        if isinstance(part, Record) and part != schema.root
    }
    yield "## Parts of events"
    yield ""
    for name in sorted(found):
        part, schema = found[name]
        yield f"### {unqualified(name)}"
        yield ""
        yield part.doc
        yield ""
        yield from _fields(part, schema)


def _fields(record: Record, schema: Declaration) -> Iterator[str]:
    rows = ((f"`{f.name}`", type_text(f.type, schema), _default(f), f.doc) for f in record.fields)
    return _table(("field", "type", "default", "what"), rows)


def _default(field: Field) -> str:
    match field.default:
        case _ if not field.has_default:
            return ""
        case None:
            return "null"
        case bool(flag):
            return str(flag).lower()
        case str(text):
            return f'"{text}"'
        case other:
            return str(other)


def type_text(node: Node, schema: Declaration) -> str:
    """A type as it stands in the tables."""
    match schema.resolve(node):
        case Primitive(type=name, logical=logical):
            return f"{name} ({logical})" if logical else name
        case Array(items=items):
            return f"array of {type_text(items, schema)}"
        case Map(values=values):
            return f"map of {type_text(values, schema)}"
        case Union(branches=branches):
            return " or ".join(type_text(branch, schema) for branch in branches)
        case Enum(symbols=symbols):
            return "enum: " + ", ".join(symbols)
        case Record(name=name):
            return f"[{unqualified(name)}](#{unqualified(name).lower()})"
        case other:
            return describe(other)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


if __name__ == "__main__":
    write_readme()
