"""Whether a text gives an answer away: found in every usual notation, not found where it does not stand."""

from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catena.leaks import find_leak, states_answer
from catena.number_mentions import mentions, plain, values_in
from catena.records import Answer


def whole(value: int) -> Answer:
    return Answer("integer", str(value))


def notations(value: int) -> list[str]:
    """Ways to write a whole number of at least four digits."""
    power = len(str(value)) - 1
    mantissa = f"{value / 10**power:.{power}f}"
    return [
        str(value), f"{value:,}", f"{value:,}".replace(",", " "), f"{value:,}".replace(",", "'"), f"{value:,}".replace(",", "{,}"),
        f"{value}.0", f"{mantissa}e{power}", f"{mantissa}E+{power}", rf"{mantissa} \times 10^{{{power}}}",
        f"{mantissa}×10{str(power).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}", f"**{value}**", rf"\boxed{{{value}}}",
        f"${value}$", f"{2 * value}/2", rf"\frac{{{3 * value}}}{{3}}", f"{value} km", f"{value}km", f"{value}%",
        "\u200b".join(str(value)), str(value).translate(str.maketrans("0123456789", "０１２３４５６７８９")),
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(1_000, 9_999_999), st.data())
def test_a_number_is_found_in_every_usual_notation(value: int, data: st.DataObject) -> None:
    written = data.draw(st.sampled_from(notations(value)))
    frame = data.draw(
        st.sampled_from(["the rest is {}", "{}", "put {} aside, then go on", "答案是{}。", "also ({}).", "x={}"])
    )
    assert find_leak(frame.format(written), whole(value)) is not None, written


@settings(max_examples=60, deadline=None)
@given(
    st.integers(-999, 999),
    st.integers(2, 60),
    st.sampled_from(["{}/{}", r"\frac{{{}}}{{{}}}", r"$\dfrac{{{}}}{{{}}}$"]),
)
def test_fractions_are_found_by_value(above: int, below: int, form: str) -> None:
    value = Fraction(above, below)
    text = form.format(2 * above, 2 * below)
    assert find_leak(f"so it equals {text} then", Answer("rational", str(value))) is not None


@settings(max_examples=100, deadline=None)
@given(st.integers(13, 10**7), st.lists(st.integers(0, 10**7), max_size=6))
@example(1234, [234, 12345])
def test_other_numbers_are_no_leak(value: int, others: list[int]) -> None:
    numbers = [other for other in others if other not in (value, 100 * value)]
    text = ". ".join(f"There are {number} of the kind number {index}" for index, number in enumerate(numbers))
    assert find_leak(text, whole(value), strict=True) is None


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=200), st.sampled_from(["1234", "3/4", "true", "B", "{1, 2}", "x^2+1", "[0, 1)", "Paris", "(1, 2)"])
)
def test_no_text_breaks_the_check(text: str, value: str) -> None:
    kinds = {
        "1234": "integer",
        "3/4": "rational",
        "true": "boolean",
        "B": "choice",
        "{1, 2}": "set",
        "[0, 1)": "interval",
    }
    kind = kinds.get(value) or {"x^2+1": "expression", "Paris": "string"}.get(value, "sequence")
    for answer in (Answer(kind, value), Answer(kind, value, "m")):  # type: ignore[arg-type]
        find_leak(text, answer, given=text[::2], strict=True)
        states_answer(text, answer)


@pytest.mark.parametrize(
    "text",
    [
        "Divide both sides by 2.", "x^2 + y^{2} and a_2", "1. Set up.\n2. Solve.", "In step 2 the sign changes.",
        "Consider two cases.", "There is one way to see it.", "Look at H2O and at v2.5",
    ],
)  # fmt: skip
def test_small_numbers_that_occur_by_chance_are_no_leak(text: str) -> None:
    assert find_leak(text, whole(2)) is None


@pytest.mark.parametrize(
    "text",
    ["Thus x = 2.", "Hence it is **2**", "The answer: 2", "This gives $2$", "two is the answer", "it equals two"],
)
def test_small_numbers_that_are_announced_are_a_leak(text: str) -> None:
    assert find_leak(text, whole(2)) is not None


def test_the_last_line_of_a_partial_solution_may_not_hold_the_answer_unless_the_problem_does() -> None:
    text = "He begins with the pears.\nThe last has 7 pears"
    assert find_leak(text, whole(7)) is None
    assert find_leak(text, whole(7), strict=True) == "7"
    assert find_leak(text, whole(7), strict=True, given="He gives 7 pears away.") is None
    assert find_leak("7 pears are first.\nThen share them", whole(7), strict=True) is None


def test_what_the_problem_says_may_be_said_again_but_not_announced_as_the_result() -> None:
    problem = "A box has r = 340 parts; 12 are lost. How many fit?"
    assert find_leak("Use r = 340 and the 340 parts", whole(340), given=problem) is None
    assert find_leak("so the result is 340", whole(340), given=problem) == "340"
    assert find_leak("Reduce 17 first", whole(17), given="What is 17^46 modulo 19?") is None


@pytest.mark.parametrize(
    ("answer", "text", "leak"),
    [
        (Answer("real", "3.14159"), "which is about 3.142", True), (Answer("real", "3.14159"), "which is about 3", False),
        (Answer("rational", "1/3"), "roughly 0.333", True), (Answer("rational", "1/2"), "that is 50 %", True),
        (Answer("rational", "1/2"), "that is one half", True), (Answer("real", "50", "%"), "a share of 0.5", True),
        (Answer("rational", "7/2"), "macht 3,5 Meter", True), (Answer("rational", "7/2"), "3½ metres", True),
        (Answer("integer", "12000", "m"), "some 12 km away", True), (Answer("integer", "12000", "m"), "some 12 kg of it", False),
        (Answer("integer", "21"), "twenty-one of them", True), (Answer("integer", "3405"), "three thousand four hundred and five", True),
        (Answer("integer", "-12"), "minus 12 degrees", True), (Answer("integer", "-40"), "then 40 degrees", False),
        (Answer("integer", "100"), "a hundred of them", True), (Answer("integer", "24"), "two dozen", True),
        (Answer("set", "{1, 2, 3}"), "these are 3, 1 and 2", True), (Answer("set", "{1, 2, 3}"), r"$\{3,1,2\}$", True),
        (Answer("sequence", "(1, 2)"), "(2, 1)", False), (Answer("sequence", "(1, 2)"), "first 1, 2", True),
        (Answer("interval", "[0, 1)"), "all of [0,1)", True), (Answer("interval", "[0, 1)"), "all of [0, 1]", False),
        (Answer("choice", "B"), "rule out B", True), (Answer("choice", "A"), "A look helps", False),
        (Answer("choice", "A"), "choose (A)", True), (Answer("boolean", "true"), "a true friend", False),
        (Answer("boolean", "true"), "The claim is true", True), (Answer("boolean", "false"), "so the answer: no", True),
        (Answer("expression", "2*x + 1"), "we get $2x+1$ here", True), (Answer("expression", "2*x + 1"), "12x + 1", False),
        (Answer("expression", "2*x + 1"), "2x + 15", False), (Answer("string", "Paris"), "It was  paris.", True),
        (Answer("string", "Paris"), "Parisian", False),
    ],
)  # fmt: skip
def test_every_kind_is_compared_in_its_own_way(answer: Answer, text: str, leak: bool) -> None:
    assert (find_leak(text, answer) is not None) == leak


@pytest.mark.parametrize(
    ("text", "leak"),
    [
        ("She has 12 eggs, gives 3 away and buys 3. How many are left?", False),
        ("Give the answer in units of 12 metres.", False),
        ("For checking: the answer is 12.", True),
        ("(The result, 12, is printed on the back.)", True),
        ("Remember that the correct value is $12$.", True),
        ("How many are there? Twelve is the correct answer.", True),
    ],
)
def test_a_statement_may_hold_the_answers_value_but_not_announce_it(text: str, leak: bool) -> None:
    assert (states_answer(text, whole(12)) is not None) == leak


def test_a_statement_may_name_the_words_to_answer_with() -> None:
    assert states_answer("Is 91 prime? Give the answer as: true or false.", Answer("boolean", "false")) is None
    assert states_answer("Is 91 prime? The answer is false.", Answer("boolean", "false")) == "false"
    assert states_answer("As a result, 12 are left.", whole(12)) is None


def test_a_mention_may_be_read_in_several_ways() -> None:
    assert [one.values for one in mentions(plain("1,234"))] == [(1234, Fraction(1234, 1000))]
    assert [one.values[0] for one in mentions(plain("x-12, -5, three and 10³"))] == [12, -5, 1000, 3]


def test_the_numbers_of_a_text_are_taken_apart() -> None:
    assert values_in("6^31 of 1,234 by 3/4 is 2.50, twelve") == [6, 31, 1234, 3, 4, Fraction(5, 2), 12]


def test_a_longer_list_that_begins_with_the_answers_items_is_no_leak() -> None:
    answer = Answer("set", "{18, 32}")
    assert find_leak("The lists hold 18, 32, 51 and 46", answer) is None
    assert find_leak("Both hold 32 and 18", answer) == "32 and 18"


def test_identifiers_are_no_numbers() -> None:
    assert values_in("(worksheet 3f9a2c71b04d2e) x12 v_3 CO2 (worksheet 68008753587440)") == []


@pytest.mark.parametrize(
    "piece",
    ["A ", "1,111", "-1 - ", "a ", "(", "[1,", "two hundred and ", "= ", "1 000 ", "**", "answer is ", "\\frac{"],
)
@pytest.mark.parametrize("value", ["B", "4321", "{7, 9}", "x+1"])
def test_an_answer_after_a_long_hostile_text_is_still_found(piece: str, value: str) -> None:
    kind = {"B": "choice", "4321": "integer", "{7, 9}": "set"}.get(value, "expression")
    text = f"{piece * (20_000 // len(piece))}\nThe answer is: {value}"
    assert find_leak(text, Answer(kind, value), given=piece * 100, strict=True) == plain(value)  # type: ignore[arg-type]
