"""A schema registry by the API that Confluent made: its own, Karapace, Apicurio's `/apis/ccompat/v7`."""

import urllib.parse
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from infra.registry.errors import NoRegistry, SchemaRefused
from infra.registry.http import ADVICE, Answer, Http
from infra.settings import Settings

FULL_TRANSITIVE: Final = "FULL_TRANSITIVE"
NONE: Final = "NONE"
REFUSED: Final = (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST)
SHOWN: Final = 1_000  # characters of a registry's reason

SchemaId = Annotated[int, Meta(ge=0, le=2**31 - 1)]  # what Java, too, reads from the four bytes of the wire format
T = TypeVar("T")


class Registered(msgspec.Struct, frozen=True, rename="camel"):
    """A version of a subject."""

    id: SchemaId
    schema: str
    schema_type: str | None = None  # None means Avro
    references: list[Any] | None = None

    @property
    def is_plain_avro(self) -> bool:
        """Whether the schema stands by itself."""
        return self.schema_type in (None, "AVRO") and not self.references


class _Source(msgspec.Struct, frozen=True):
    schema: str


class _Id(msgspec.Struct, frozen=True):
    id: SchemaId


class _Config(msgspec.Struct, frozen=True, rename="camel"):
    compatibility_level: str


class _Problem(msgspec.Struct, frozen=True):
    """What a registry says with an error; without the code it is somebody else's page."""

    error_code: int
    message: str = ""


class Registry:
    """Questions and orders to one registry; safe to use from many threads.

    Each may raise `RegistryUnavailable`, `RegistryDenied`, `NoRegistry`.
    """

    def __init__(self, http: Http) -> None:
        self.http = http

    @classmethod
    def of(cls, settings: Settings) -> "Registry":
        """The registry that the settings name. Raises `NoRegistry` when they name none."""
        if not settings.schema_registry_url:
            raise NoRegistry(f"no schema registry is named: {ADVICE}")
        user, password = settings.schema_registry_user, settings.schema_registry_password
        return cls(Http(settings.schema_registry_url, user=user, password=password))

    @property
    def address(self) -> str:
        """Where it is, without any password."""
        return self.http.address

    def versions(self, subject: str) -> list[int]:
        """Numbers of a subject's versions, oldest first; none where the subject is unknown."""
        answer = self.http.ask("GET", f"/subjects/{_quoted(subject)}/versions")
        return sorted(self._found(answer, list[int]) or [])

    def version(self, subject: str, number: int) -> Registered | None:
        """One version; None when it is gone meanwhile."""
        return self._found(self.http.ask("GET", f"/subjects/{_quoted(subject)}/versions/{number}"), Registered)

    def schema(self, schema_id: int) -> str | None:
        """The schema that an id means; None when it means none."""
        found = self._found(self.http.ask("GET", f"/schemas/ids/{schema_id}"), _Source)
        return None if found is None else found.schema

    def register(self, subject: str, source: str) -> int:
        """The id of a schema in a subject, given now unless it was there. Raises `SchemaRefused`."""
        body = msgspec.json.encode({"schema": source, "schemaType": "AVRO"})
        answer = self.http.ask("POST", f"/subjects/{_quoted(subject)}/versions", body)
        if answer.status in REFUSED:
            raise SchemaRefused(f"the schema registry at {self.address} refuses {subject}: {_reason(answer)}")
        made = self._found(answer, _Id)
        if made is None:
            raise NoRegistry(f"{self.address} takes no schema for {subject} ({_reason(answer)}): {ADVICE}")
        return made.id

    def compatibility(self, subject: str) -> str:
        """What a new version of a subject must be compatible with, such as FULL_TRANSITIVE."""
        found = self._found(self.http.ask("GET", f"/config/{_quoted(subject)}?defaultToGlobal=true"), _Config)
        return NONE if found is None else found.compatibility_level

    def require(self, subject: str, level: str) -> None:
        """From now on refuse what is not compatible. Raises `SchemaRefused`."""
        body = msgspec.json.encode({"compatibility": level})
        answer = self.http.ask("PUT", f"/config/{_quoted(subject)}", body)
        if answer.status != HTTPStatus.OK:
            raise SchemaRefused(f"the schema registry at {self.address} refuses {level}: {_reason(answer)}")

    def _found(self, answer: Answer, kind: type[T]) -> T | None:
        """The answer's value; None for a 404 in a registry's own words."""
        try:
            if answer.status == HTTPStatus.OK:
                return msgspec.json.decode(answer.body, type=kind)
            if answer.status == HTTPStatus.NOT_FOUND:
                msgspec.json.decode(answer.body, type=_Problem)
                return None
        except msgspec.DecodeError as error:
            what = f"{answer.status} and what no schema registry says ({error})"
            raise NoRegistry(f"{self.address} answers {what}: {ADVICE}") from error
        raise NoRegistry(f"{self.address} answers {answer.status} ({_reason(answer)}): {ADVICE}")


def _quoted(subject: str) -> str:
    return urllib.parse.quote(subject, safe="")


def _reason(answer: Answer) -> str:
    try:
        said = msgspec.json.decode(answer.body, type=_Problem).message
    except msgspec.DecodeError:
        said = answer.body.decode("utf-8", "replace")
    return said[:SHOWN].strip() or f"status {answer.status}"
