import numpy as np
import pytest

from consumers.training.gate import Classes, Floats, GateVerdict, gate, gate_profiles, lower_bound


@pytest.fixture
def random() -> np.random.Generator:
    """Of each test: what others drew makes no difference."""
    return np.random.default_rng(5)


def answers(random: np.random.Generator, rows: int, sharpness: float) -> tuple[Floats, Classes]:
    """True probabilities of two classes and labels drawn from them."""
    first = random.beta(sharpness, sharpness, size=rows)
    labels = (random.random(rows) >= first).astype(np.int64)
    return np.stack([first, 1 - first], axis=1), labels


def certain(rows: int) -> Floats:
    return np.ones(rows)


def judged(
    champion: Floats | None, candidate: Floats, labels: Classes, probability: Floats | None = None
) -> GateVerdict:
    return gate(champion, candidate, labels, certain(len(labels)) if probability is None else probability, seed=1)


def test_a_better_candidate_is_promoted_with_its_figures(random: np.random.Generator) -> None:
    truth, labels = answers(random, 400, 0.3)
    vague = 0.5 + (truth - 0.5) * 0.5
    verdict = judged(vague, truth, labels)
    assert verdict.promote
    assert verdict.labels == 400
    assert verdict.lower_bound is not None
    assert verdict.improvement is not None
    assert 0 < verdict.lower_bound < verdict.improvement
    assert "log-loss falls by" in verdict.reason
    assert len(verdict.figures()) == 7
    assert verdict.figures()["lower_bound"] == verdict.lower_bound


def test_a_worse_or_equal_candidate_is_refused(random: np.random.Generator) -> None:
    truth, labels = answers(random, 400, 0.3)
    vague = 0.5 + (truth - 0.5) * 0.5
    assert not judged(truth, vague, labels).promote
    assert not judged(truth, truth, labels).promote
    assert "does not surely fall" in judged(truth, vague, labels).reason


def test_without_a_running_model_the_first_is_promoted(random: np.random.Generator) -> None:
    truth, labels = answers(random, 5, 1.0)
    verdict = judged(None, truth, labels)
    assert verdict.promote
    assert "no model is running" in verdict.reason
    assert verdict.figures() == {"gate_labels": 5.0}


@pytest.mark.parametrize(("rows", "measured"), [(0, False), (99, False), (100, True)])
def test_fewer_than_a_hundred_answers_decide_nothing(random: np.random.Generator, rows: int, measured: bool) -> None:
    truth, labels = answers(random, rows, 0.3)
    verdict = judged(np.full((rows, 2), 0.5), truth, labels)
    assert verdict.promote is measured
    assert ("100 are needed" in verdict.reason) is not measured


def test_equal_models_are_promoted_by_luck_in_about_a_tenth_of_draws(random: np.random.Generator) -> None:
    promoted = 0
    for _ in range(300):
        truth, labels = answers(random, 150, 1.0)
        noise = random.normal(scale=0.02, size=150)
        one, other = (np.clip(truth[:, 0] + sign * noise, 0.01, 0.99) for sign in (1, -1))
        promoted += judged(np.stack([one, 1 - one], axis=1), np.stack([other, 1 - other], axis=1), labels).promote
    assert 0.05 < promoted / 300 < 0.16


def test_answers_count_by_their_inclusion_probability() -> None:
    labels = np.zeros(200, np.int64)
    champion, candidate = np.full((200, 2), 0.5), np.full((200, 2), 0.5)
    candidate[:100] = [0.6, 0.4]  # better on the first half
    candidate[100:] = [0.45, 0.55]  # worse on the second
    rare_first = np.where(np.arange(200) < 100, 0.05, 1.0)
    assert judged(champion, candidate, labels, rare_first).promote
    assert not judged(champion, candidate, labels, rare_first[::-1]).promote


def test_the_verdict_is_decided_by_the_seed(random: np.random.Generator) -> None:
    gain, weights = random.normal(size=200), random.random(200) + 0.1
    bounds = [lower_bound(gain, weights, seed=seed, confidence=0.9) for seed in (1, 1, 2)]
    assert bounds[0] == bounds[1] != bounds[2]


def test_of_two_profiles_the_better_goes_on(random: np.random.Generator) -> None:
    truth, labels = answers(random, 400, 0.3)
    vague, vaguer = (0.5 + (truth - 0.5) * share for share in (0.6, 0.3))
    name, verdict = gate_profiles(vaguer, {"uniform": truth, "specified": vague}, labels, certain(400), seed=1)
    assert (name, verdict.promote) == ("uniform", True)
    name, verdict = gate_profiles(truth, {"uniform": vaguer, "specified": vague}, labels, certain(400), seed=1)
    assert (name, verdict.promote) == ("specified", False)
    assert "95%" in verdict.reason


@pytest.mark.parametrize("probability", [0.0, 1.5])
def test_impossible_inclusion_probabilities_are_refused(random: np.random.Generator, probability: float) -> None:
    truth, labels = answers(random, 100, 1.0)
    with pytest.raises(ValueError, match=r"lie in \(0, 1\]"):
        judged(truth, truth, labels, np.full(100, probability))


def test_arguments_of_different_lengths_are_refused(random: np.random.Generator) -> None:
    truth, labels = answers(random, 100, 1.0)
    with pytest.raises(ValueError, match="one row per answer"):
        judged(truth[:50], truth, labels)
