"""What the script of the page to work on decides by itself, in a browser and without a desk: keys, outbox, leases."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.support.browser import opened

pytestmark = pytest.mark.integration
PLACE = "http://desk.test/"


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of a site that has nothing but the desk's files."""
    static = files("producers.desk.pages").joinpath("static")

    def served(route: Route) -> None:
        name = route.request.url.removeprefix(PLACE)
        if not name:
            empty = "<!doctype html><title>empty</title><input><textarea></textarea>"
            route.fulfill(body=empty, content_type="text/html")
        else:
            route.fulfill(body=static.joinpath(name).read_text(), content_type="text/javascript")

    context, watched = opened(browser)
    page = context.new_page()
    page.route(f"{PLACE}**", served)
    page.goto(PLACE)
    yield page
    context.close()
    assert watched.complaints == []


def run(page: Page, module: str, body: str, given: Any = None) -> Any:
    """What a piece of script gives, with everything that a module exports as `m`."""
    return page.evaluate(f"async (given) => {{ const m = await import('/{module}.js'); {body} }}", given)


def test_no_two_actions_begin_with_the_same_key_and_each_says_what_it_does(page: Page) -> None:
    actions = run(page, "work-keys", "return m.ACTIONS")
    assert len({each["key"] for each in actions}) == len({each["name"] for each in actions}) == len(actions) > 25
    assert all(len(each["text"]) > 3 for each in actions)


def test_a_key_counts_only_when_it_is_for_the_page(page: Page) -> None:
    asked = """
    const on = (fields) => m.asked({key: "a", target: document.body, ...fields}, m.DEFAULTS);
    return [on({}), on({key: "A"}), on({ctrlKey: true}), on({altKey: true}), on({metaKey: true}),
      on({isComposing: true}), on({repeat: true}), on({key: "j", repeat: true}),
      on({target: document.querySelector("input")}), on({target: document.querySelector("textarea")}), on({key: "y"})];
    """
    nothing = [None] * 5
    assert run(page, "work-keys", asked) == ["approve", "approve", *nothing, "down", None, None, None]


def test_another_key_is_taken_and_a_conflict_refused_in_words(page: Page) -> None:
    def change(name: str, key: str) -> Any:
        return run(page, "work-keys", "return m.changed(m.DEFAULTS, given[0], given[1])", [name, key])

    assert change("approve", "y")["map"]["approve"] == "y"
    assert "is the key of “Reject”" in change("approve", "r")["refused"]
    for key in (" ", "Tab", "Escape", "Enter", "F1"):
        assert "needed to move about" in change("approve", key)["refused"]
    kept = run(page, "work-keys", "return [m.own({...m.DEFAULTS, approve: 'y'}), m.mapOf({approve: 'y'}).approve]")
    assert kept == [{"approve": "y"}, "y"]


@pytest.mark.parametrize(
    "kept", [{"approve": "r"}, {"approve": ""}, {"approve": "Enter"}, {"nothing": "y"}, {"approve": 7}]
)
def test_a_map_that_makes_no_sense_gives_way_to_the_keys_as_they_come(page: Page, kept: dict[str, Any]) -> None:
    assert run(page, "work-keys", "return m.mapOf(given).approve", kept) == "a"


OUTBOX = """
const store = []; let now = 0; const said = [], answers = [...given];
const kept = {read: () => structuredClone(store[0] ?? []), write: (value) => { store[0] = structuredClone(value); }};
const posted = [];
const box = new m.Outbox({kept, now: () => now, told: (what, entry) => said.push([what, entry.id, entry.tries]),
  post: async (entry) => { posted.push(JSON.stringify(entry.body)); return answers.shift(); }});
const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
const body = {decision_id: "d1", feedback: "kept"};
box.add(m.entryOf({id: "d1", request_id: "r", title: "R", verb: "/decisions", body}));
await settle();
for (let tries = 0; tries < 8 && box.entries().length; tries += 1) { now += 60_000; box.pump(); await settle(); }
return {said, posted, left: box.entries()};
"""
LATER = {"kind": "later", "detail": "away"}


def refused(reason: str) -> dict[str, str]:
    return {"kind": "refused", "reason": reason, "detail": "because"}


def test_an_answer_is_sent_again_as_it_was_until_it_is_accepted(page: Page) -> None:
    made = run(page, "work-outbox", OUTBOX, [LATER, LATER, {"kind": "signed_out"}, {"kind": "done", "body": {}}])
    assert [what for what, *_ in made["said"]] == ["later", "later", "later", "accepted"]
    assert len(set(made["posted"])) == 1 and len(made["posted"]) == 4 and made["left"] == []


def test_a_refusal_ends_it(page: Page) -> None:
    made = run(page, "work-outbox", OUTBOX, [LATER, refused("stale_lease")])
    assert [what for what, *_ in made["said"]] == ["later", "refused"] and made["left"] == []


def test_a_repeat_that_finds_the_case_finished_is_in_doubt_before_it_is_refused(page: Page) -> None:
    made = run(page, "work-outbox", OUTBOX, [LATER, refused("finished"), refused("finished")])
    assert [what for what, *_ in made["said"]] == ["later", "doubt", "refused"]
    made = run(page, "work-outbox", OUTBOX, [refused("finished")])
    assert [what for what, *_ in made["said"]] == ["refused"], "the first try is not in doubt"


def test_what_the_stream_of_changes_accepts_is_not_sent_again(page: Page) -> None:
    body = OUTBOX.replace("for (let tries", "box.accepted('d1', {leaves_at: 5}); for (let tries")
    made = run(page, "work-outbox", body, [LATER])
    assert [what for what, *_ in made["said"]] == ["later", "accepted"] and len(made["posted"]) == 1


def test_pauses_grow_and_end(page: Page) -> None:
    assert run(page, "work-outbox", "return [0, 1, 2, 5, 50].map(m.wait_ms)") == [500, 1_000, 2_000, 15_000, 15_000]
    asked = "return m.later({tries: 0, due: 0}, 1000, 7)"
    assert run(page, "work-outbox", asked) == {"tries": 1, "due": 8_000}


def test_the_hand_holds_two_ahead_and_what_comes_back_goes_first(page: Page) -> None:
    body = """
    const hand = new m.Hand(), of = (id) => ({id}), said = [];
    for (const id of "abcd") if (hand.wants()) said.push(hand.take(of(id)));
    const ids = () => hand.all().map((each) => each.id).join("");
    const seen = [ids()];
    hand.next(); seen.push(ids());
    hand.show(of("a")); seen.push(ids());
    hand.insert(of("x")); seen.push(ids());
    hand.take(of("x")); seen.push(ids());
    hand.drop("a"); seen.push(`${hand.current}${ids()}`);
    return [said, seen];
    """
    said, seen = run(page, "work-hand", body)
    assert said == [True, False, False]
    assert seen == ["abc", "bc", "abc", "axbc", "axbc", "nullxbc"]


def test_a_lease_is_renewed_at_half_its_term(page: Page) -> None:
    body = """
    const held = (fields) => ({lease: 1, until: 100, term: 100, lost: false, renewing: false, ...fields});
    return [m.isDue(held(), 40), m.isDue(held(), 51), m.isDue(held({lost: true}), 51),
      m.isDue(held({renewing: true}), 51), m.isDue(held({lease: null}), 1), m.isActive(m.IDLE_MS, 1),
      m.isActive(m.IDLE_MS + 1, 1), m.clock(187_000), m.clock(3_727_000)];
    """
    assert run(page, "work-leases", body) == [False, True, False, False, True, True, False, "3:07", "1:02:07"]


def test_no_case_is_taken_that_nobody_sees(page: Page) -> None:
    """None beside one that was lost, and would be given again; for nobody one, to be seen when they are back."""
    body = """
    const asks = (here, current, fields = {}) => {
      const work = {now: () => 1_000_000, visible: () => true, desk: {state: "here"}, ...fields,
        hand: {current, all: () => (current ? [current] : [])}};
      const filling = new m.Filling(work);
      if (!here) filling.seen = -1_000_000;
      return filling.mayAsk();
    };
    return [asks(true, null), asks(true, {lost: false}), asks(true, {lost: true}), asks(false, null),
      asks(false, {lost: false}), asks(true, null, {visible: () => false}), asks(true, null, {desk: {state: "gone"}})];
    """
    assert run(page, "work-filling", body) == [True, True, False, True, False, False, False]


def test_after_a_reload_only_what_was_on_screen_is_taken_for_ones_own(page: Page) -> None:
    """What was held ahead the page before has just let go, as a rule: a renewal tells."""
    body = """
    const [a, b, c] = ["a", "b", "c"].map((id) => ({id})), names = (cases) => cases.map(({id}) => id).join("");
    const state = (hand) => [hand.current?.id, names(hand.ahead), names(hand.unsure), hand.wants()];
    const hand = new m.Hand(), other = new m.Hand();
    hand.begin([a, b, c], "b");
    other.begin([a, c], "not among them");
    const seen = [state(hand), state(other)];
    other.next();
    return [...seen, [hand.settle(c, true), ...state(hand)], [hand.settle(a, false), ...state(hand)],
      [other.settle(c, true), ...state(other)]];
    """
    assert run(page, "work-hand", body) == [
        ["b", "", "ac", False], ["a", "", "c", True],
        [False, "b", "c", "a", False], [False, "b", "c", "", True], [True, "c", "", "", True],
    ]  # fmt: skip


@pytest.mark.parametrize(("answer", "shown", "unsure"), [("done", ["c"], 0), ("refused", [], 0), ("later", [], 1)])
def test_what_is_unsure_is_shown_once_a_renewal_has_confirmed_it(
    page: Page, answer: str, shown: list[str], unsure: int
) -> None:
    body = """
    const {Hand} = await import("/work-hand.js"), hand = new Hand(), none = () => {}, shown = [];
    const work = {now: () => 0, visible: () => true, hand, failing: none,
      screen: {tick: none, show: (made) => shown.push(made.id), ahead: none}, voice: {follow: none},
      root: document, desk: {state: "gone", post: async () => ({kind: given, body: {lease: 1, expires_at: 9}})}};
    document.querySelector("input").id = "work-none";
    const filling = new m.Filling(work);
    hand.begin([{id: "b", lease: 1, until: 9, term: 9}, {id: "c", lease: null, until: 9, term: 9}], "b");
    hand.next();
    filling.tick();
    await new Promise((resolve) => setTimeout(resolve, 0));
    clearTimeout(filling.timer);
    return [shown, hand.unsure.length];
    """
    assert run(page, "work-filling", body, answer) == [shown, unsure]


def test_a_case_that_comes_again_while_it_counts_as_lost_is_ones_own(page: Page) -> None:
    body = """
    const known = {id: "r", title: "r", lost: true}, told = [];
    const work = {now: () => 0, hand: {current: known},
      screen: {lost: (made) => told.push(["shown", made.lost])}, voice: {forget: (id) => told.push(id), say: () => {}}};
    new m.Filling(work).regained(known, {lease: 7, until: 90, term: 90});
    return [known.lost, known.lease, known.until, told];
    """
    assert run(page, "work-filling", body) == [False, 7, 90, ["lost:r", ["shown", False]]]


def test_who_has_a_case_and_is_given_it_is_told_and_answers_under_the_new_lease(page: Page) -> None:
    body = """
    const known = {id: "r", title: "R", lost: true, lease: 1}, told = [];
    const work = {now: () => 0, hand: {current: known, find: () => known, wants: () => false, ahead: []},
      answers: {returned: (id) => told.push(id)}, screen: {lost: () => {}, ahead: () => {}},
      voice: {forget: () => {}, say: () => {}, note: ({text}) => told.push(text)}};
    await new m.Filling(work).given({id: "r", lease: 7, until: 90, by: "lea"});
    return [known.lost, known.lease, told];
    """
    assert run(page, "work-filling", body) == [False, 7, ["r", "lea handed the case R over to you."]]


@pytest.mark.parametrize(("tries", "works"), [(0, True), (1, False)])
def test_that_none_waits_is_no_sign_that_casework_answers(page: Page, tries: int, works: bool) -> None:
    body = """
    let works = false;
    const work = {now: () => 0, had: () => [], working: () => { works = true; },
      outbox: {entries: () => [{tries: given}]},
      hand: {current: {}, ahead: [], wants: () => false}, screen: {ahead: () => {}},
      desk: {post: async () => ({kind: "done", body: "<p data-none='none_waits'>None.</p>"})}};
    await new m.Filling(work).ask();
    return works;
    """
    assert run(page, "work-filling", body, tries) is works


def test_the_answer_that_was_meant_is_taken_back_and_every_try_is_one_command(page: Page) -> None:
    body = """
    const posts = [], said = [], none = () => {};
    const work = {now: () => 5, keys: {map: () => ({undo: "u"})}, failing: none, working: none,
      filling: {changed: none}, drafts: {drop: none}, outbox: {take: () => null},
      voice: {say: (text) => said.push(text), note: none},
      desk: {post: async (path, body) => { posts.push([path, body.command_id]); return {kind: "later"}; }}};
    const answers = new m.Answers(work);
    const first = {id: "x", request_id: "x", title: "x", state: "sent", leaves_at: null};
    answers.lately = [first];
    await answers.undo(); // on its way
    answers.lately = [{id: "y", request_id: "y", title: "y", state: "accepted", leaves_at: 9}, first];
    answers.accepted({id: "x", request_id: "x", title: "x", verb: "/decisions"}, {leaves_at: 10});
    await new Promise((resolve) => setTimeout(resolve, 0));
    work.now = () => 20; // too late for another answer; this one may be back already
    await answers.takeBack(first);
    return [posts.map(([path]) => path.split("/").pop()), posts[0][1] === posts[1][1], said.length];
    """
    assert run(page, "work-answers", body) == [["x:undo", "x:undo"], True, 3]


def test_what_left_is_remembered_for_a_moment_also_by_a_page_that_is_opened_anew(page: Page) -> None:
    body = """
    let now = 0, all = [];
    const kept = {gone: {read: () => all, write: (value) => { all = value; }}};
    const answers = new m.Answers({now: () => now, kept});
    answers.left("a");
    now = 10_000;
    answers.left("b");
    const soon = new m.Answers({now: () => now, kept}).goneNow();
    now = 16_000;
    const later = answers.goneNow();
    answers.returned("b");
    return [soon, later, answers.goneNow()];
    """
    assert run(page, "work-answers", body) == [["b", "a"], ["b"], []]


@pytest.mark.parametrize(
    ("change", "does"),
    [
        ({"event": "LeaseGranted", "reviewer_id": "bea", "handed_over_by": "lea"}, "lost"),
        ({"event": "LeaseGranted", "reviewer_id": "ann", "handed_over_by": "lea"}, "given"),
        ({"event": "LeaseGranted", "reviewer_id": "ann", "handed_over_by": None}, "lease"),
        ({"event": "LeaseExtended", "reviewer_id": "ann"}, "lease"),
        ({"event": "LeaseEnded", "reviewer_id": "ann", "ended_by": "expired"}, "lost"),
        ({"event": "LeaseEnded", "reviewer_id": "bea", "ended_by": "expired"}, None),
        ({"event": "CaseHeld", "reviewer_id": "ann"}, None),
        ({"event": "CaseAnnounced"}, "review"),
        ({"event": "CaseNoted", "reviewer_id": "bea"}, "noted"),
        ({"event": "CaseNoted", "reviewer_id": "ann"}, None),
        ({"event": "CaseClosed"}, "lost"),
        ({"event": "AnswerReceived", "reviewer_id": "ann"}, "accepted"),
        ({"event": "AnswerReceived", "reviewer_id": "bea"}, None),
        ({"event": "SomethingNew"}, None),
    ],
)
def test_what_a_change_means(page: Page, change: dict[str, Any], does: str | None) -> None:
    body = "return m.meaning(given, 'ann', {holds: () => true, expected: new Set()})?.does ?? null"
    assert run(page, "work-changes", body, {"request_id": "r", "text": "said", **change}) == does


def test_old_drafts_and_more_than_two_hundred_are_let_go(page: Page) -> None:
    body = """
    const all = {old: {at: 0, fields: {}}};
    for (let at = 0; at < 300; at += 1) all[at] = {at: 40 * 86_400_000 + at, fields: {}};
    const left = m.pruned(all, 40 * 86_400_000 + 300);
    return [Object.keys(left).length, "old" in left, "299" in left, "0" in left];
    """
    assert run(page, "work-store", body) == [200, False, True, False]


def test_a_browser_that_keeps_nothing_still_works(page: Page) -> None:
    body = """
    const broken = {getItem: () => null, setItem: () => { throw new Error("full"); }};
    const kept = new m.Kept(broken, "ann", "outbox", []);
    kept.write([1]);
    return [kept.read(), kept.works];
    """
    assert run(page, "work-store", body) == [[1], False]


def test_when_a_case_that_is_set_aside_comes_back(page: Page) -> None:
    body = """
    const now = new Date(2026, 1, 28, 17, 30).getTime(), at = (choice, moment) => m.resumesAt(choice, moment, now);
    const tomorrow = new Date(at("tomorrow"));
    return [at("15m") - now, at("1h") - now, tomorrow.toDateString(), tomorrow.getHours(),
      at("moment", "2026-02-28T17:00"), at("moment", ""), at("moment", "2026-03-01T09:00") > now];
    """
    assert run(page, "work-dialogs", body) == [900_000, 3_600_000, "Sun Mar 01 2026", 8, None, None, True]
