"""Bringing our schemas in: under a registry's ids here; under ours, by a real Apicurio, in tests/integration."""

import pytest

from infra.errors import HitlError
from infra.registry.client import FULL_TRANSITIVE
from infra.registry.errors import IdsDiffer, NoRegistry
from infra.registry.ids import subject_of
from infra.registry.loading import State, load, register, survey
from schemas.codec import published
from tests.support.registry import FakeRegistry

EVERY = published()
SUBJECTS = sorted({subject_of(version.name) for version in EVERY})


def test_a_registry_that_numbers_gets_everything_once_and_keeps_the_promise(fake_registry: FakeRegistry) -> None:
    done = register(fake_registry.client, EVERY)
    assert sorted(done.registered) == sorted(version.key for version in EVERY)
    assert set(fake_registry.levels.values()) == {FULL_TRANSITIVE} and sorted(fake_registry.levels) == SUBJECTS
    found = survey(fake_registry.client, EVERY)
    assert found.is_right(own_ids=True) and not found.is_right(own_ids=False)
    again = register(fake_registry.client, EVERY)
    assert (again.registered, again.made_full_transitive) == ([], [])


def test_a_new_version_is_added_to_the_older_ones(fake_registry: FakeRegistry) -> None:
    older = [version for version in EVERY if version.version == 1]
    register(fake_registry.client, older)
    done = register(fake_registry.client, EVERY)
    assert done.registered == [version.key for version in EVERY if version.version > 1]
    assert survey(fake_registry.client, EVERY).is_right(own_ids=True)


def test_versions_stay_in_their_order(fake_registry: FakeRegistry) -> None:
    register(fake_registry.client, EVERY)
    for subject, texts in fake_registry.subjects.items():
        sources = [version.source for version in EVERY if subject_of(version.name) == subject]
        assert [texts[number] for number in sorted(texts)] == sources


def test_a_registry_with_our_ids_needs_nothing(fake_registry: FakeRegistry) -> None:
    for version in EVERY:
        fake_registry.ids[version.source] = version.schema_id
    register(fake_registry.client, EVERY)
    done = load(fake_registry.client, EVERY)
    assert (done.registered, done.made_full_transitive) == ([], [])
    assert survey(fake_registry.client, EVERY).is_right(own_ids=False)


def test_other_ids_are_refused_before_anything_is_done(fake_registry: FakeRegistry) -> None:
    first = EVERY[0]
    fake_registry.register(subject_of(first.name), first.source)
    with pytest.raises(IdsDiffer, match=f"{first.key} .*it has the id 1 there.*nothing was changed.*--own-ids"):
        load(fake_registry.client, EVERY)
    assert not any(asked.startswith(("POST", "PUT")) for asked in fake_registry.asked)


def test_our_id_for_another_schema_is_refused(fake_registry: FakeRegistry) -> None:
    fake_registry.next_id = EVERY[3].schema_id
    fake_registry.register("somebody.Else", '{"type": "string"}')
    found = survey(fake_registry.client, EVERY)
    assert [each.schema for each in found.those(State.ID_TAKEN)] == [EVERY[3].key]
    with pytest.raises(IdsDiffer, match=f"another schema has its id {EVERY[3].schema_id} there"):
        load(fake_registry.client, EVERY)


def test_only_apicurio_takes_given_ids_and_the_error_says_so(fake_registry: FakeRegistry) -> None:
    with pytest.raises(NoRegistry, match="only Apicurio Registry 3 .*--own-ids"):
        load(fake_registry.client, EVERY)


def test_a_subject_without_the_promise_is_found_and_mended(fake_registry: FakeRegistry) -> None:
    register(fake_registry.client, EVERY)
    fake_registry.levels[SUBJECTS[0]] = "BACKWARD"
    assert survey(fake_registry.client, EVERY).not_full_transitive == [SUBJECTS[0]]
    assert register(fake_registry.client, EVERY).made_full_transitive == [SUBJECTS[0]]


def test_a_registry_that_forgets_at_once_is_an_error(
    fake_registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_registry, "register", lambda _subject, _text: (200, {"id": 1}))
    with pytest.raises(HitlError, match="its own log says why"):
        register(fake_registry.client, [EVERY[0]])
