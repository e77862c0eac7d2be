"""What one must see is on the screen in every size of terminal; a larger one shows more."""

import io
import re

import pytest
from rich.console import Console
from rich.live import Live

from infra.kafka.log import TopicPartition
from infra.local.demo_progress import DemoState
from infra.local.demo_stream import headline
from infra.observe.flow import FlowState
from infra.observe.flow_screen import SHOWN, FlowScreen, plain
from schemas.topics import TOPICS
from schemas.values import DecidedBy, Priority

POSTS = 6_000
ESSENTIALS = (
    "5,220 of 6,000 requests published", "Ctrl-C ends everything", "3,165 of 6,000", "316/s", "63.5%", "97.3%",
    "1a2b3c4d5e6f, 2 promoted", "7 (key-mismatch 4", "4 (lease-expired 3",
    "urgent 325 · high 325 · normal 325 · low 325 (112 with experts)",
    "inference 102 · router 102 · casework 442 · feedback 102",
    "2a2b3c4d5e6f trained on 1,900 labels", "2a2b3c4d5e6f promoted: log-loss falls by 0.0412",
    "requests             5,220    522",
)  # fmt: skip


def in_full_flow() -> FlowScreen:
    """All topics with traffic, four stages behind, long lists of reasons, six events about models."""
    state = DemoState()
    state.sample(0.0)
    for number, topic in enumerate(TOPICS, start=1):
        place = TopicPartition(topic.name, 0)
        state.records[topic.name], state.last[place] = 5_220 // number, 1_234
        for stage in {"inference", "router", "casework", "feedback"}.intersection(topic.readers):
            state.processed[stage][place] = 1_200
    state.decided.update({DecidedBy.AUTOMATION: 2_011, DecidedBy.REVIEWER: 1_023, DecidedBy.EXPERT: 131})
    state.open_cases = {f"{priority}-{number}": priority for priority in Priority for number in range(325)}
    state.with_expert = {f"urgent-{number}" for number in range(112)}
    state.blind = [(0.3, number % 11 > 0) for number in range(412)]
    state.automatic_audits, state.audits_drawn = [True] * 180 + [False] * 5, 201
    state.dead.update({"undecodable": 2, "unknown-workflow": 1, "key-mismatch": 4})
    state.refused.update({"lease-expired": 3, "superseded": 1})
    state.model, state.promotions, state.refusals = "1a2b3c4d5e6f7788", 2, 1
    for fit in range(3):
        named = f"content_moderation: {fit}a2b3c4d5e6f"
        bound = "lower 95% bound +0.0093 on 312 blind answers"
        state.news.append(f"{named} trained on {300 + 800 * fit:,} labels (small)")
        state.news.append(f"{named} promoted: log-loss falls by 0.0412, {bound}")
    state.sample(10.0)
    screen = FlowScreen(state, title="hitl demo · people are simulated", expected=POSTS)
    screen.head = headline(state, requests=POSTS)
    return screen


def rendered(screen: FlowScreen, *, width: int, height: int) -> list[str]:
    """The lines as the live screen shows them."""
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    console.print(Live(screen, console=console, auto_refresh=False).get_renderable())
    return out.getvalue().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 30), (200, 60)])
def test_what_one_must_see_is_on_the_screen_whole(width: int, height: int) -> None:
    shown = rendered(in_full_flow(), width=width, height=height)
    assert len(shown) <= height
    assert all(len(line) == width for line in shown)
    assert [text for text in ESSENTIALS if text not in "\n".join(shown)] == []
    assert "Ctrl-C" in shown[1]


def test_a_larger_terminal_shows_every_topic_and_all_that_is_new_about_models() -> None:
    shown = "\n".join(rendered(in_full_flow(), width=120, height=31))
    assert [name for name in SHOWN if f"{name} " not in shown] == []
    assert shown.count("trained on") == shown.count("promoted: log-loss falls by 0.0412, lower 95% bound") == 3
    assert "on 312 blind answers" in shown


def test_where_room_lacks_topics_give_way_and_nothing_else() -> None:
    for height in (15, 17):
        shown = "\n".join(rendered(in_full_flow(), width=80, height=height))
        assert shown.count("\n") == height - 1
        assert [text for text in ESSENTIALS[:-1] if text not in shown] == []
        assert "review-decisions" not in shown
        assert (ESSENTIALS[-1] in shown) == (height == 17)  # the topics with most records stay longest


def of_two_workflows() -> FlowScreen:
    screen = in_full_flow()
    posts, loans = screen.state.workflows["content_moderation"], screen.state.workflows["loan_approval"]
    posts.decided.update({DecidedBy.AUTOMATION: 2_000, DecidedBy.REVIEWER: 600, DecidedBy.EXPERT: 34})
    posts.blind = [(0.3, number % 10 > 0) for number in range(400)]
    posts.automatic_audits, posts.audits_drawn = [True] * 171 + [False] * 9, 190
    posts.model, posts.promotions, posts.refusals = "1a2b3c4d5e6f7788", 2, 1
    loans.decided.update({DecidedBy.AUTOMATION: 11, DecidedBy.REVIEWER: 423, DecidedBy.EXPERT: 97})
    return screen


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 30), (200, 60)])
def test_each_of_several_workflows_has_a_column_of_its_own(width: int, height: int) -> None:
    shown = rendered(of_two_workflows(), width=width, height=height)
    assert len(shown) <= height
    assert all(len(line) == width for line in shown)
    told = re.sub(" +", " ", "\n".join(shown))
    for text in (" content_moderation loan_approval ", " automatic 75.9% 2.1% ", " decided 2,634 531 "):
        assert text in told
    for text in ("600 · 34", "423 · 97", "90.0% (400)", "95.0% (180 of 190)", "1a2b3c4d 2 · 1"):
        assert text in "\n".join(shown)
    assert [text for text in ESSENTIALS[:4] if text not in "\n".join(shown)] == []
    assert "automatic: content_moderation 75.9%, loan_approval 2.1%" in plain(of_two_workflows())


def test_where_width_lacks_the_busiest_workflows_are_shown_and_lines_name_all() -> None:
    screen = of_two_workflows()
    for number in range(5):
        screen.state.workflows[f"small_{number}"].decided[DecidedBy.EXPERT] = number
    shown = "\n".join(rendered(screen, width=80, height=24))
    assert "content_moderation" in shown
    assert "loan_approval" in shown
    assert "small_4" not in shown
    assert any("small_4 4" in line for line in plain(screen))


def test_before_anything_flows_the_screen_claims_nothing() -> None:
    shown = rendered(FlowScreen(FlowState()), width=80, height=24)
    assert len(shown) < 24
    assert any("urgent 0" in line for line in shown)
    assert not any("topic" in line for line in shown)
