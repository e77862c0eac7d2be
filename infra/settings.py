"""Settings of one process: defaults < the local stack that runs < a TOML file < the environment (`HITL_…`)."""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_type_hints

import msgspec
from msgspec import Meta

from infra.errors import SettingsInvalid

PREFIX = "HITL_"
KAFKA_PREFIX = "HITL_KAFKA_"  # HITL_KAFKA_SECURITY_PROTOCOL=SSL -> kafka["security.protocol"]
NOT_FIELDS = frozenset(
    {"HITL_CONFIG", "HITL_SEAL_KEY", "HITL_DRAW_SALT", "HITL_MAVEN_URL", "HITL_TORCH", "HITL_PYTHON", "HITL_JAVA"}
)
CONFIG_FILE = Path("hitl.toml")
BOOTSTRAP_FILE = Path("run/bootstrap")  # under data_dir: where the local stack that runs can be reached
REDIS_FILE = Path("run/redis")  # the same for its Redis
CLIENT_FILE = Path("run/client.json")  # under data_dir: how commands log in there, where that is wanted
GATEWAY_FILE = Path("run/gateway")  # where the gateway listens, written by itself
DESK_FILE = Path("run/desk")  # the same for the desk
INSIGHTS_FILE = Path("run/insights")  # the same for the view of the figures
DESK_FILE = Path("run/desk")  # the same for the desk
SECRET_FILES = {  # setting -> name under data_dir/secrets
    "seal_key_file": "seal.key", "draw_salt_file": "draw.salt", "identity_key_file": "identity.key",
}  # fmt: skip
UNSET = Path()
MEANT_EMPTY = frozenset({"HITL_METRICS_ADDRESS"})  # an empty text is a value here; elsewhere it is as unset

Text = Annotated[str, Meta(min_length=1)]
TopicPrefix = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]{0,100}$")]
RedisUrl = Annotated[str, Meta(pattern=r"^(redis|rediss|unix)://.+")]
HttpUrl = Annotated[str, Meta(pattern=r"^(https?://[^\s/?#]+(/[^\s?#@]*)?)?$")]
Address = Annotated[str, Meta(pattern=r"^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$")]
Slot = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]{1,60}$")]
AddressOrNone = Annotated[str, Meta(pattern=r"^((\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5})?$")]


def _data_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "hitl"


def _cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hitl"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a process is told from outside. Thresholds are not here: they stand in a workflow's policy."""

    bootstrap_servers: Annotated[Text, Meta(description="host:port of the Kafka brokers, by comma")] = "127.0.0.1:9092"
    topic_prefix: Annotated[TopicPrefix, Meta(description="what every topic name starts with")] = "hitl."
    partitions: Annotated[int, Meta(ge=1, le=10_000, description="partitions of request-keyed topics")] = 4
    replication_factor: Annotated[int, Meta(ge=1, le=9, description="copies of each record")] = 1
    redis_url: Annotated[RedisUrl, Meta(description="redis://, rediss:// or unix:// address of the read model")] = (
        "redis://127.0.0.1:6379/0"
    )
    index_status_hours: Annotated[
        int, Meta(ge=1, le=24 * 28, description="how long Redis tells of a finished request, hours")
    ] = 24 * 7
    index_cache_hours: Annotated[
        int, Meta(ge=1, le=24 * 28, description="how long Redis keeps what a page shows of an open case, hours")
    ] = 24
    index_inline_bytes: Annotated[
        int, Meta(ge=0, le=1 << 20, description="largest request body that Redis keeps; others by coordinates")
    ] = 4_096
    data_dir: Annotated[Path, Meta(description="where the local stack keeps its data")] = msgspec.field(
        default_factory=_data_home
    )
    cache_dir: Annotated[Path, Meta(description="downloads that can be fetched again")] = msgspec.field(
        default_factory=_cache_home
    )
    model_store: Annotated[str, Meta(description="folder or URI of the models (default data_dir/models)")] = ""
    workflows_dir: Annotated[Path, Meta(description="your own workflow types, one TOML file each")] = Path("workflows")
    kafka: Annotated[dict[str, str], Meta(description="further options of librdkafka, as security.protocol")] = {}
    security: Annotated[
        Literal["off", "on"], Meta(description="on: the local Kafka has TLS, passwords and access rights")
    ] = "off"
    slot: Annotated[Slot, Meta(description="stable name of this replica of a service")] = "0"
    commit_interval_ms: Annotated[float, Meta(gt=0, le=10_000, description="commit after, milliseconds")] = 20
    max_commit_interval_ms: Annotated[
        float, Meta(gt=0, le=10_000, description="commit at the latest after, milliseconds, while full batches wait")
    ] = 100
    max_batch: Annotated[int, Meta(ge=1, le=100_000, description="most records in one batch")] = 512
    processing: Annotated[Literal["exactly_once", "at_least_once"], Meta(description="delivery of the stages")] = (
        "exactly_once"
    )
    repeat_window_seconds: Annotated[
        int, Meta(ge=1, le=7 * 86_400, description="how long the router knows a request id; 310 bytes of memory each")
    ] = 3_600
    accept_dead_letters: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="let this many dead letters pass before stopping again")
    ] = None
    seal_key_file: Annotated[Path, Meta(description="64 random bytes (default data_dir/secrets/seal.key)")] = UNSET
    draw_salt_file: Annotated[Path, Meta(description="32 random bytes (default data_dir/secrets/draw.salt)")] = UNSET
    identity_key_file: Annotated[
        Path, Meta(description="32 random bytes that sign people's tokens (default data_dir/secrets/identity.key)")
    ] = UNSET
    schema_registry_url: Annotated[
        HttpUrl, Meta(description="Confluent API of the registry that gives the schema ids; empty: our own list")
    ] = ""
    schema_registry_user: Annotated[str, Meta(description="who logs in to the schema registry, if it asks")] = ""
    schema_registry_password: Annotated[str, Meta(description="the password of schema_registry_user")] = ""
    oidc_issuer: Annotated[
        HttpUrl, Meta(description="the OpenID Connect provider by which people sign in at the desk; empty: none")
    ] = ""
    oidc_client_id: Annotated[str, Meta(description="the desk's name at the provider")] = ""
    oidc_client_secret: Annotated[str, Meta(description="its secret there; empty for a client that has none")] = ""
    oidc_client_secret_file: Annotated[Path, Meta(description="a file that holds oidc_client_secret")] = UNSET
    oidc_scopes: Annotated[Text, Meta(description="what the desk asks for, openid among it")] = "openid profile"
    oidc_roles_claim: Annotated[Text, Meta(description="the claim of roles, such as realm_access.roles")] = "roles"
    oidc_skills_claim: Annotated[Text, Meta(description="the claim of a person's skills")] = "skills"
    oidc_reviewer_claim: Annotated[Text, Meta(description="the claim that is the reviewer id: a pseudonym")] = "sub"
    desk_url: Annotated[
        HttpUrl, Meta(description="how browsers reach the desk, as https://desk.example; empty: where it listens")
    ] = ""
    desk_sessions: Annotated[
        Literal["redis", "memory"], Meta(description="where the desk keeps sessions; memory: of its only process")
    ] = "redis"
    gateway_address: Annotated[Address, Meta(description="host:port of the HTTP gateway; port 0 takes a free one")] = (
        "127.0.0.1:8088"
    )
    gateway_tokens_file: Annotated[
        Path, Meta(description="API tokens of the gateway, TOML or JSON; needed unless it listens on this machine only")
    ] = UNSET
    gateway_most_unacknowledged: Annotated[
        int, Meta(ge=1, le=100_000, description="records waiting for the brokers beyond which the gateway answers 503")
    ] = 10_000
    gateway_acknowledge_seconds: Annotated[
        float, Meta(ge=0.5, le=60, description="how long the gateway waits for the brokers, seconds")
    ] = 10
    insights_address: Annotated[
        Address, Meta(description="host:port of the figures' HTTP view, on this machine; port 0 takes a free one")
    ] = "127.0.0.1:8089"
    desk_address: Annotated[
        Address, Meta(description="host:port of the API for reviewer apps; beyond this machine it needs identity on")
    ] = "127.0.0.1:8090"
    desk_records_addresses: Annotated[
        Literal["no", "yes"],
        Meta(description="whether the record of sign-ins and refusals tells where they came from: personal data"),
    ] = "no"
    metrics_address: Annotated[
        AddressOrNone,
        Meta(description="host:port of /metrics, /health and /ready; port 0 takes a free one, empty serves none"),
    ] = "127.0.0.1:0"
    log_format: Annotated[Literal["text", "json"], Meta(description="a line for people or for machines")] = "text"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="least severity logged")] = (
        "info"
    )

    def __post_init__(self) -> None:
        """Fill what follows from data_dir, and make every path absolute."""

        def fix(name: str, value: object) -> None:
            msgspec.structs.force_setattr(self, name, value)

        fix("data_dir", self.data_dir.expanduser().absolute())
        fix("cache_dir", self.cache_dir.expanduser().absolute())
        fix("workflows_dir", self.workflows_dir.expanduser().absolute())
        fix("model_store", self.model_store or str(self.data_dir / "models"))
        for name, default in SECRET_FILES.items():
            given: Path = getattr(self, name)
            fix(name, given.expanduser().absolute() if given != UNSET else self.data_dir / "secrets" / default)
        for name in ("gateway_tokens_file", "oidc_client_secret_file"):
            if getattr(self, name) != UNSET:
                fix(name, getattr(self, name).expanduser().absolute())
        if self.max_commit_interval_ms < self.commit_interval_ms:
            raise SettingsInvalid(
                f"max_commit_interval_ms ({self.max_commit_interval_ms:g}) is below commit_interval_ms "
                f"({self.commit_interval_ms:g}); raise the first or lower the second."
            )

    @property
    def redis_address(self) -> str:
        """The Redis URL without its password, for people.

        >>> Settings(redis_url="rediss://me:secret@redis.example:6380/1").redis_address
        'rediss://me:***@redis.example:6380/1'
        """
        return _without_password(self.redis_url)

    @property
    def schema_registry_address(self) -> str:
        """The registry's URL without a password, for people.

        >>> Settings(schema_registry_url="https://me:secret@registry.example/apis/ccompat/v7").schema_registry_address
        'https://me:***@registry.example/apis/ccompat/v7'
        """
        return _without_password(self.schema_registry_url)

    @property
    def is_local(self) -> bool:
        """Whether every broker is on this machine, so that this machine alone may mint the secrets."""
        return all(is_loopback(server.rsplit(":", 1)[0]) for server in self.bootstrap_servers.split(","))

    def with_changes(self, **changes: Any) -> Self:
        """A copy with these fields changed; paths that follow from data_dir follow, if data_dir changes."""
        if "data_dir" in changes:
            before = Settings(data_dir=self.data_dir)
            for name in ("model_store", *SECRET_FILES):
                if getattr(self, name) == getattr(before, name):
                    changes.setdefault(name, "" if name == "model_store" else UNSET)
        return msgspec.structs.replace(self, **changes)

    def environment(self) -> dict[str, str]:
        """These settings as `HITL_…` variables, for a process started from here."""
        values = {name: getattr(self, name) for name in self.__struct_fields__ if name != "kafka"}
        plain = {PREFIX + name.upper(): str(value) for name, value in values.items() if value is not None}
        return plain | {KAFKA_PREFIX + key.upper().replace(".", "_"): value for key, value in self.kafka.items()}


FIELDS: dict[str, Any] = get_type_hints(Settings, include_extras=True)


def load_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Settings of this process; `overrides` (from the command line) win over all else.

    Raises SettingsInvalid, naming the variable or the file and field, and what it should be.
    """
    environ = os.environ if environ is None else environ
    values = _from_file(environ) | _from_environment(environ) | overrides
    settings = Settings(**values)
    for name, file in (("bootstrap_servers", BOOTSTRAP_FILE), ("redis_url", REDIS_FILE)):
        running = settings.data_dir / file
        if name not in values and running.is_file():
            settings = settings.with_changes(**{name: running.read_text().strip()})
            if file is BOOTSTRAP_FILE:
                settings = settings.with_changes(kafka=local_login(settings.data_dir) | settings.kafka)
    return settings


def local_login(data_dir: Path) -> dict[str, str]:
    """The options of librdkafka by which commands log in to the secured local stack that runs; none for a plain one."""
    try:
        return msgspec.json.decode((data_dir / CLIENT_FILE).read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise SettingsInvalid(f"{error.filename} belongs to who started the stack: run this as that user.") from error


def _from_file(environ: Mapping[str, str]) -> dict[str, Any]:
    named = environ.get("HITL_CONFIG")
    path = Path(named).expanduser() if named else CONFIG_FILE
    if not path.is_file():
        if named:
            raise SettingsInvalid(f"HITL_CONFIG names {path}, which is not a file; correct or unset it.")
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path} is not TOML: {error}; correct that line.") from error
    for name in table:
        if name not in FIELDS:
            raise SettingsInvalid(f"{path}: there is no setting {name!r}{_meant(name, FIELDS)}; correct or remove it.")
    if isinstance(table.get("kafka"), dict):
        table["kafka"] = {key: _librdkafka_text(value) for key, value in _dotted(table["kafka"])}
    return {name: _convert(name, value, f"{path}: {name}") for name, value in table.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    kafka: dict[str, str] = {}
    known = [PREFIX + name.upper() for name in FIELDS]
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable in NOT_FIELDS or (text == "" and variable not in MEANT_EMPTY):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(KAFKA_PREFIX):
            kafka[variable.removeprefix(KAFKA_PREFIX).lower().replace("_", ".")] = text
        elif name in FIELDS and name != "kafka":
            values[name] = _convert(name, text, variable)
        elif meant := _meant(variable, known):  # others' variables may share the prefix: only likely slips are errors
            raise SettingsInvalid(f"there is no variable {variable}{meant}; rename or unset it.")
    return values | ({"kafka": kafka} if kafka else {})


def _convert(name: str, value: object, where: str) -> Any:
    try:
        return msgspec.convert(value, FIELDS[name], strict=False, dec_hook=_decode)
    except (msgspec.ValidationError, ValueError) as error:
        meaning = msgspec.inspect.type_info(FIELDS[name])
        about = (meaning.extra_json_schema or {}) if isinstance(meaning, msgspec.inspect.Metadata) else {}
        means = f" It means: {about['description']}." if "description" in about else ""
        raise SettingsInvalid(f"{where} = {_shown(name, value)}: {error}.{means} Correct or unset it.") from error


def _shown(name: str, value: object) -> str:
    """A bad value in an error, which may end in a log: no password is shown."""
    return "***" if name.endswith(("password", "secret")) else _without_password(repr(value))


def _without_password(url: str) -> str:
    shown = re.sub(r"(?<=://)([^:/@]*):.*@", r"\1:***@", url)
    return re.sub(r"(?<=password=)[^&]*", "***", shown)


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError(f"Expected {'a path' if kind is Path else kind}, got {type(value).__name__}")


def _dotted(table: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """TOML reads `security.protocol = "SSL"` as nested tables; give back the dotted names."""
    pairs: list[tuple[str, Any]] = []
    for key, value in table.items():
        pairs += _dotted(value, f"{before}{key}.") if isinstance(value, dict) else [(before + key, value)]
    return pairs


def _librdkafka_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _meant(name: str, known: Mapping[str, Any] | list[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.85)
    return f" (did you mean {near[0]}?)" if near else ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, and reachable from nowhere else."""
    host = host.strip().removeprefix("[").removesuffix("]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
