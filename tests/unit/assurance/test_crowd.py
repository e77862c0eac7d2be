"""Estimates over the last overlapping answers: made anew now and then, of people with enough answers."""

from streams.assurance.crowd import LEAST_ANSWERS, LEAST_MORE, WINDOW, Answer, Crowd, accuracies, with_answer

PEOPLE = ("anna", "berta", "carl")


def answers(cases: int, *, wrong: str = "carl") -> list[Answer]:
    """Three people answer each case; one is wrong in every other."""
    return [
        Answer(f"r{case}", who, "reject" if (who == wrong and case % 2) else "approve")
        for case in range(cases)
        for who in PEOPLE
    ]


def crowd_of(given: list[Answer]) -> Crowd:
    crowd = Crowd()
    for answer in given:
        crowd = with_answer(crowd, answer)
    return crowd


def test_an_estimate_is_made_when_answers_have_grown_by_a_tenth() -> None:
    crowd, at = Crowd(), []
    for number, answer in enumerate(answers(200), start=1):
        before, crowd = crowd, with_answer(crowd, answer)
        if crowd.due_at != before.due_at:
            at.append(number)
    assert at[:4] == [20, 40, 60, 80]
    assert at[-4:] == [426, 468, 514, 565]
    assert at[0] == LEAST_MORE


def test_only_the_last_answers_are_kept() -> None:
    crowd = crowd_of(answers(WINDOW // 3 + 20))
    assert len(crowd.answers) == WINDOW
    assert crowd.total == 3 * (WINDOW // 3 + 20)
    assert crowd.answers[-1].request_id == f"r{WINDOW // 3 + 19}"


def test_of_people_with_few_answers_nothing_is_said() -> None:
    few = [Answer(f"r{case}", "dora", "approve") for case in range(LEAST_ANSWERS - 1)]
    found = accuracies((*answers(40), *few))
    assert set(found) == set(PEOPLE)
    assert found["carl"] < 0.7 < found["anna"]


def test_of_two_people_nobody_can_tell_who_is_wrong() -> None:
    assert accuracies(tuple(each for each in answers(40) if each.reviewer_id != "berta")) == {}
