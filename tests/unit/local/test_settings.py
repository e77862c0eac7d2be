"""What a process is told from outside, where from, and what is said when it is wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import SettingsInvalid
from infra.settings import BOOTSTRAP_FILE, Settings, load_settings


def test_environment_wins_over_file_and_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "hitl.toml"
    file.write_text('partitions = 6\nslot = "file"\n[kafka]\nsecurity.protocol = "SSL"\nenable.idempotence = true\n')
    settings = load_settings({"HITL_CONFIG": str(file), "HITL_SLOT": "7", "HITL_DATA_DIR": str(tmp_path)})
    assert (settings.partitions, settings.slot, settings.topic_prefix) == (6, "7", "hitl.")
    assert settings.kafka == {"security.protocol": "SSL", "enable.idempotence": "true"}


def test_kafka_options_come_from_the_environment() -> None:
    assert load_settings({"HITL_KAFKA_SASL_MECHANISM": "PLAIN"}).kafka == {"sasl.mechanism": "PLAIN"}


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("HITL_PARTITIONS", "many"),
        ("HITL_PARTITIONS", "0"),
        ("HITL_PROCESSING", "twice"),
        ("HITL_COMMIT_INTERVAL_MS", "-1"),
    ],
)
def test_bad_variable_is_named_with_its_value(variable: str, text: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"{variable} = '{text}': .* Correct or unset it"):
        load_settings({variable: text})


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("HITL_REDIS_URL", "redis-bad://h?password=s3cret"),
        ("HITL_SCHEMA_REGISTRY_URL", "https://me:s3c/ret@host/x"),
        ("HITL_SCHEMA_REGISTRY_PASSWORD", "s3cret" * 10_000),
    ],
)
def test_no_password_is_told_with_what_is_wrong(variable: str, text: str) -> None:
    try:
        said = load_settings({variable: text}).schema_registry_address
    except SettingsInvalid as error:
        said = str(error)
    assert "s3c" not in said


def test_bad_field_of_a_file_is_named_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("partitions = 'x'\n")
    with pytest.raises(SettingsInvalid, match=r"own\.toml: partitions = 'x'.*partitions of request-keyed topics"):
        load_settings({"HITL_CONFIG": str(file)})


def test_slips_get_the_right_name(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("partition = 4\n")
    with pytest.raises(SettingsInvalid, match="did you mean partitions"):
        load_settings({"HITL_CONFIG": str(file)})
    with pytest.raises(SettingsInvalid, match="did you mean HITL_PARTITIONS"):
        load_settings({"HITL_PARTITION": "4"})


def test_variables_of_others_are_left_alone() -> None:
    assert load_settings({"HITL_ROUTER_SERVICE_HOST": "10.0.0.1"}).partitions == 4


def test_file_that_is_not_toml_or_missing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("partitions =\n")
    with pytest.raises(SettingsInvalid, match="not TOML"):
        load_settings({"HITL_CONFIG": str(file)})
    with pytest.raises(SettingsInvalid, match="not a file"):
        load_settings({"HITL_CONFIG": str(tmp_path / "none.toml")})


def test_running_local_stack_is_found_unless_told_otherwise(tmp_path: Path) -> None:
    (tmp_path / BOOTSTRAP_FILE).parent.mkdir()
    (tmp_path / BOOTSTRAP_FILE).write_text("127.0.0.1:40001\n")
    assert load_settings({"HITL_DATA_DIR": str(tmp_path)}).bootstrap_servers == "127.0.0.1:40001"
    told = load_settings({"HITL_DATA_DIR": str(tmp_path), "HITL_BOOTSTRAP_SERVERS": "kafka:9092"})
    assert told.bootstrap_servers == "kafka:9092"


def test_commit_interval_cannot_pass_its_maximum() -> None:
    with pytest.raises(SettingsInvalid, match="max_commit_interval_ms"):
        load_settings({"HITL_COMMIT_INTERVAL_MS": "200"})


def test_paths_follow_a_moved_data_dir_unless_set(tmp_path: Path) -> None:
    moved = Settings().with_changes(data_dir=tmp_path)
    assert moved.model_store == str(tmp_path / "models")
    assert moved.seal_key_file == tmp_path / "secrets" / "seal.key"
    assert moved.identity_key_file == tmp_path / "secrets" / "identity.key"
    assert Settings(model_store="s3://m").with_changes(data_dir=tmp_path).model_store == "s3://m"


@pytest.mark.parametrize(
    ("servers", "local"),
    [("127.0.0.1:9092", True), ("localhost:1,[::1]:2", True), ("kafka:9092", False), ("127.0.0.1:1,10.0.0.9:1", False)],
)
def test_only_loopback_counts_as_local(servers: str, local: bool) -> None:
    assert Settings(bootstrap_servers=servers).is_local is local


@given(
    st.builds(
        Settings,
        partitions=st.integers(1, 99),
        slot=st.from_regex(r"[a-z0-9-]{1,9}", fullmatch=True),
        data_dir=st.sampled_from([Path("/a"), Path("/b c")]),
        commit_interval_ms=st.floats(0.5, 99),
        accept_dead_letters=st.none() | st.integers(0, 9),
        processing=st.sampled_from(["exactly_once", "at_least_once"]),
        kafka=st.dictionaries(st.sampled_from(["security.protocol", "sasl.username"]), st.text("ab", min_size=1)),
    )
)
def test_a_child_process_gets_the_same_settings(settings: Settings) -> None:
    assert load_settings(settings.environment()) == settings
