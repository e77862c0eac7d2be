"""Access rights follow from the catalogue: all that it grants, nothing beyond, and only our own are ever taken away."""

from itertools import product

import pytest

from infra.kafka.acl_plan import (
    CLUSTER,
    WATCHER,
    Grant,
    Operation,
    Principal,
    Resource,
    by_principal,
    concerns,
    difference,
    kafka_acls,
    matrix,
    principals,
)
from schemas.topics import BY_NAME, TALLIES, TOPICS

PREFIX = "site."
ALL = matrix(PREFIX)
ROUTER = next(each for each in principals() if each.name == "router")


def topics_of(principal: str, operation: Operation) -> set[str]:
    return {
        grant.name.removeprefix(PREFIX)
        for grant in ALL
        if (grant.principal, grant.resource, grant.operation, grant.prefixed)
        == (principal, Resource.TOPIC, operation, False)
    }


@pytest.mark.parametrize("principal", principals(), ids=lambda each: each.name)
def test_a_principal_writes_and_reads_what_names_its_roles_and_nothing_else(principal: Principal) -> None:
    roles = set(principal.roles)
    written = {topic.name for topic in TOPICS if roles & set(topic.writers)}
    read = {topic.name for topic in TOPICS if roles & set(topic.readers)}
    assert topics_of(principal.name, Operation.WRITE) - {"schema-ids"} == written
    assert topics_of(principal.name, Operation.READ) == read | {"schema-ids"}
    watched = {topic.name for topic in TOPICS} if principal.name == WATCHER else set()
    assert topics_of(principal.name, Operation.DESCRIBE) == written | read | watched | {"schema-ids"}


def test_the_desk_sees_how_far_stages_are_and_can_neither_join_nor_move_them() -> None:
    theirs = {PREFIX + stage for stage in TALLIES.writers}
    granted = {g for g in ALL if g.principal == WATCHER and g.resource is Resource.GROUP and g.name in theirs}
    assert {g.name for g in granted} == theirs
    assert {g.operation for g in granted} == {Operation.DESCRIBE}


def test_every_role_of_the_catalogue_is_a_principal() -> None:
    roles = {role for topic in TOPICS for role in (*topic.writers, *topic.readers)}
    assert roles | {"simulated-people"} == {each.name for each in principals()} == set(by_principal(ALL))


def test_only_the_operator_makes_topics_and_numbers_schemas() -> None:
    makes = {Operation.CREATE, Operation.ALTER_CONFIGS, Operation.DESCRIBE_CONFIGS}
    assert {grant.principal for grant in ALL if grant.operation in makes} == {"operator"}
    writes_ids = {g.principal for g in ALL if (g.name, g.operation) == (PREFIX + "schema-ids", Operation.WRITE)}
    assert writes_ids == {"operator"}


def test_nobody_may_delete_anything_or_change_access_rights() -> None:
    assert not any(grant.operation in (Operation.DELETE, Operation.ALTER, Operation.ALL) for grant in ALL)
    assert not any(grant.resource is Resource.CLUSTER for grant in ALL)
    assert not any(grant.name in ("*", "") for grant in ALL)


def test_groups_and_transactional_ids_of_one_principal_are_closed_to_every_other() -> None:
    """`hitl.feedback` must not open `hitl.feedback-2`'s names, nor one stage's prefix another stage's ids."""
    kinds = (Resource.GROUP, Resource.TRANSACTIONAL_ID)
    owned = [g for g in ALL if g.resource in kinds and g.operation is not Operation.DESCRIBE]
    for one, other in product(owned, owned):
        if one.principal != other.principal and one.resource is other.resource:
            assert one.name != other.name
            assert not (one.prefixed and other.name.startswith(one.name)), f"{one} opens {other}"


def test_what_is_granted_already_is_not_missing_and_what_is_not_granted_is_extra() -> None:
    wanted = matrix(PREFIX, [ROUTER])
    beyond = Grant("router", Resource.TOPIC, PREFIX + "feedback", False, Operation.WRITE)
    change = difference(wanted, [*wanted[1:], beyond], PREFIX)
    assert change == ((wanted[0],), (beyond,))
    assert difference(wanted, wanted, PREFIX) == ((), ())


def test_rights_of_others_and_of_other_installations_are_never_extra() -> None:
    wanted = matrix(PREFIX, [ROUTER])
    others = [
        Grant("payments", Resource.TOPIC, PREFIX + "feedback", False, Operation.WRITE),
        Grant("router", Resource.TOPIC, "elsewhere.requests", False, Operation.READ),
        Grant("router", Resource.GROUP, "elsewhere.", True, Operation.READ),
    ]
    assert difference(wanted, [*wanted, *others], PREFIX).extra == ()


@pytest.mark.parametrize(
    ("name", "prefixed", "reaches"),
    [("*", False, True), ("si", True, True), ("site.x", False, True), ("si", False, False), ("other.", True, False)],
)
def test_a_right_that_reaches_into_our_names_concerns_us(name: str, prefixed: bool, reaches: bool) -> None:
    assert concerns(Grant("router", Resource.TOPIC, name, prefixed, Operation.READ), PREFIX) is reaches


def test_a_right_on_the_cluster_concerns_us() -> None:
    assert concerns(Grant("router", Resource.CLUSTER, CLUSTER, False, Operation.ALTER), PREFIX)


def test_commands_of_kafka_acls_grant_the_same() -> None:
    lines = kafka_acls(matrix(PREFIX, [ROUTER]))
    assert sum(line.count("--operation ") for line in lines) == len(matrix(PREFIX, [ROUTER]))
    assert all("--allow-principal 'User:router'" in line for line in lines)
    (ids,) = [line for line in lines if "--transactional-id" in line]
    assert "--transactional-id 'site.router-' --resource-pattern-type prefixed" in ids
    assert any(f"--topic '{PREFIX}{BY_NAME['outcomes'].name}'" in line for line in lines)
