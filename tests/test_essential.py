"""Essential numbers: what the problem cannot be solved without, and who decided."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from catena.engines.base import Completion, Request
from catena.generators import essential_model
from catena.generators.essential import Essential, candidates, essential_numbers, written_numbers
from catena.generators.essential_model import BLANK, NO_ANSWER, FindEssential
from catena.generators.item_source import ItemSource
from catena.prompts import Prompt
from catena.records import Answer, Draft
from catena.streaming import Filtered
from tests.scripted import ScriptedEngine, said
from tests.stepping import outcomes

CLIPS = "Natalia sold 48 clips in April and half as many in May. How many clips did Natalia sell altogether?"
CLIPS_SOLUTION = "She sold 48/2 = <<48/2=24>>24 clips in May.\nAltogether 48+24 = <<48+24=72>>72 clips."


def found(numbers: tuple[Essential, ...]) -> list[tuple[int, str]]:
    return [(one.value, one.decided) for one in numbers]


def test_an_annotated_program_decides_by_recomputing() -> None:
    (one,) = essential_numbers(CLIPS, CLIPS_SOLUTION, 72)
    assert (one.value, one.decided) == (48, "annotation")
    assert CLIPS[one.start : one.end] == "48"


def test_where_no_program_can_be_made_the_equations_on_the_way_to_the_answer_decide_by_rule() -> None:
    question = "A shop sells pens at $13 each, at most 29 to a customer. 17 customers buy 29 pens each and 6 look on. What is paid?"
    solution = "17 customers buy 17*29 = <<17*29=493>>493 pens.\nThey pay 493*13 = <<493*13=6409>>6409."
    assert found(essential_numbers(question, solution, 6409)) == [
        (13, "rule"),
        (17, "rule"),
    ]  # 29 stands there twice, 6 is idle


@pytest.mark.parametrize(
    ("question", "answer", "numbers"),
    [
        ("Calculate -2573 - -9808 - 1517.", 5718, [2573, 9808, 1517]),
        ("Solve for d: 242 - 35*d = -1788", 58, [242, 35, 1788]),
        ("What is (12 + 30) * 2?", 84, [12, 30, 2]),
        ("Solve the following: 8 * 0.", 0, []),  # any number would do
        ("What is 12 + 30?", 43, []),  # the answer is not that of the expression
    ],
)
def test_arithmetic_in_the_question_decides_where_the_answer_moves_with_the_number(
    question: str, answer: int, numbers: list[int]
) -> None:
    assert [one.value for one in written_numbers(question, Fraction(answer))] == numbers


@pytest.mark.parametrize(
    "question",
    [
        "On May 14 she came third of the 1st class. How old is she?",
        "In 1995 the bus left at 7:45 from Room 12.",
        "Highway 61 is long. Chapter 9 is longer.",
        "All 100 percent of the apples are red.",
        "There are 7 days in a week and 60 minutes in an hour.",
    ],
)
def test_dates_times_names_and_what_everybody_knows_are_no_candidates(question: str) -> None:
    assert candidates(question) == []


def test_a_number_that_stands_twice_or_in_another_form_is_no_candidate() -> None:
    assert [one.value for one in candidates("He has 15 red and 15 blue pens, 1,200 stamps and 31 coins.")] == [31]


def test_a_number_that_is_also_a_result_on_the_way_is_not_essential() -> None:
    question = "Ann has 14 plums, buys 23 and gives away 37. How many does she have at most if she gets 5 more?"
    solution = "She has 14+23 = <<14+23=37>>37.\n37-37 = <<37-37=0>>0.\nIn the end 0+5 = <<0+5=5>>5."
    assert 37 not in [one.value for one in essential_numbers(question, solution, 5)]


QUESTION = "Tom has 31 pens, 44 cards and 19 coins. How many pens and cards has he?"


def reply(request: Request) -> Completion:
    """Without the pens or the cards it cannot be solved."""
    prompt = request.messages[0].content
    return said(json.dumps({"reason": "counted", "solvable": BLANK + " coins" in prompt}))


def test_a_model_decides_where_no_rule_does_and_its_replies_are_kept(tmp_path: Path) -> None:
    draft = Draft("shop/1", statement=QUESTION, answer=Answer("integer", "75"))
    prompt = Prompt.shipped(essential_model.__file__, "find-essential")
    engine = ScriptedEngine(reply)
    first, again = (
        outcomes(tmp_path, lambda model: FindEssential(model, prompt), [draft], lambda: engine)[0] for _ in range(2)
    )
    assert len(engine.asked) == 3  # the second time the ledger answers
    assert "31" not in engine.asked[0].messages[0].content
    assert first == again
    item = ItemSource.from_record(json.loads(first.draft.columns["item"]))
    assert list(item.program.stated.values()) == [31, 44]
    assert set(item.program.decided.values()) == {"model"}
    notes = json.loads(first.draft.columns["essential"])
    assert [(note["number"], note["solvable"]) for note in notes] == [("31", False), ("44", False), ("19", True)]


def test_nobody_is_asked_where_a_rule_decides_or_the_answer_is_no_number(tmp_path: Path) -> None:
    drafts = [
        Draft("a", statement="Calculate 12 + 30 * 2.", answer=Answer("integer", "72")),
        Draft("b", statement="Who owns the 15 sheep?", answer=Answer("string", "Tom")),
        Draft("c", statement="How many sheep are there?", answer=None),
    ]
    prompt, engine = Prompt.shipped(essential_model.__file__, "find-essential"), ScriptedEngine(reply)
    first, second, third = outcomes(tmp_path, lambda model: FindEssential(model, prompt), drafts, lambda: engine)
    assert not engine.asked
    assert '"rule"' in ItemSource.from_record(json.loads(first.draft.columns["item"])).program_text
    assert second.end is None
    assert third.end == Filtered(NO_ANSWER, "")
