"""`hitl kpis --watch`: Ctrl-C ends it quietly, also while a picture is drawn."""

import pytest
from click.testing import CliRunner

from consumers.audit import kpis_command
from consumers.audit.kpis_command import kpis
from streams.insights.answers import Answer, AsOf, WindowFigures

ANSWER = Answer(
    as_of=AsOf(
        bootstrap_servers="", topic_prefix="", complete_at=0, stale_seconds=0.0, latest_record_at=None, positions={}
    ),
    window="all",
    windows=(WindowFigures(start=None, end=None, workflows={}),),
)


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_ctrl_c_while_a_picture_is_drawn_ends_it_quietly(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pictures: list[object] = []

    def draw(value: object, **_: object) -> None:
        pictures.append(value)
        if len(pictures) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(kpis_command, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(kpis_command, "asked", lambda _settings: ANSWER)
    monkeypatch.setattr(kpis_command, "show", draw)
    ended = CliRunner().invoke(kpis, ["--watch", *words])
    assert (ended.exit_code, ended.output, len(pictures)) == (0, "", 3)
