"""Which number means which schema: the first record counts, and nothing is renumbered."""

from dataclasses import replace

import pytest

from infra.kafka.id_space import IdSpaceDiffers, fold, unbound
from infra.kafka.log import Record
from schemas.codec import published

ONE, TWO, *_ = published()


def record(offset: int, fingerprint: bytes, number: int) -> Record:
    return Record("schema-ids", 0, offset, 0, fingerprint, b'{"schema":"Any/v1","id":%d}' % number)


def test_first_record_of_a_fingerprint_or_a_number_counts() -> None:
    records = [record(0, b"a", 1), record(1, b"a", 2), record(2, b"b", 1), record(3, b"b", 3), record(4, b"a", 1)]
    assert fold(records) == {b"a": 1, b"b": 3}


@pytest.mark.parametrize("value", [b"", b"{}", b"not json", None])
def test_a_record_that_gives_no_number_is_refused_with_its_place(value: bytes | None) -> None:
    stray = Record("schema-ids", 0, 7, 0, b"a", value)
    with pytest.raises(IdSpaceDiffers, match=r"offset 7 of schema-ids.*hitl topics apply"):
        fold([record(0, b"a", 1), stray])


def test_versions_without_a_number_are_to_be_bound() -> None:
    assert unbound({}, [ONE, TWO]) == [ONE, TWO]
    assert unbound({ONE.fingerprint: ONE.schema_id}, [ONE, TWO]) == [TWO]


def test_other_number_or_a_taken_number_is_refused() -> None:
    with pytest.raises(IdSpaceDiffers, match="it has 7"):
        unbound({ONE.fingerprint: 7}, [ONE])
    with pytest.raises(IdSpaceDiffers, match="another schema has it"):
        unbound({b"foreign": ONE.schema_id}, [ONE])
    assert unbound({ONE.fingerprint: 7}, [replace(ONE, schema_id=7)]) == []
