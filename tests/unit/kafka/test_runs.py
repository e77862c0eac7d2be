"""Runs of records: neighbours of one partition together, nothing lost, nothing reordered."""

from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.log import Record, TopicPartition, runs

PLACES = st.builds(TopicPartition, st.sampled_from(("predictions", "outcomes")), st.integers(0, 2))


@given(st.lists(PLACES))
def test_runs_are_the_records_cut_where_the_partition_changes(places: list[TopicPartition]) -> None:
    records = [Record(*place, offset, 0, b"key", b"value") for offset, place in enumerate(places)]
    found = list(runs(records))
    assert [record for _, run in found for record in run] == records
    assert all({(r.topic, r.partition) for r in run} == {place} for place, run in found)
    assert all(before != after for (before, _), (after, _) in zip(found, found[1:], strict=False))
