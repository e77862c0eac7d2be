"""The picture of the pipeline, compared with the stages: each is on it, with all that it reads."""

import pytest

from infra.observe.pipeline import STAGES_ON_THE_WAY
from tests.contract.test_rights import STAGES

BY_NAME = {stage.name: stage for stage in STAGES_ON_THE_WAY}


def test_every_stage_is_on_the_way() -> None:
    assert set(BY_NAME) == set(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_shown_with_its_inputs(name: str) -> None:
    assert set(BY_NAME[name].inputs) == {topic.name for topic in STAGES[name].inputs}
