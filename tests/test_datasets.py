import json
import os
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.errors import DatasetError
from catena.generators.annotations import read_equations, value_of
from catena.generators.datasets import DatasetAtom, Rejection, atom_from_row, read_rows
from catena.generators.nouns import noun_of
from catena.generators.sources import Source


def row(question: str, answer: str) -> dict[str, str]:
    return {"question": question, "answer": answer}


PENCILS = row(
    "Mia packs 14 boxes with 35 pencils in each. Then she sells 120 pencils. How many pencils does Mia have now?",
    "Mia packs 14 * 35 = <<14*35=490>>490 pencils.\nShe has 490 - 120 = <<490-120=370>>370 pencils now.\n#### 370",
)
SALE = row(
    "A lamp costs $60 and is 25% off. Omar buys 8 of them. How much does he pay?",
    "The discount is 60 * .25 = $<<60*.25=15>>15.\nA lamp costs 60 - 15 = $<<60-15=45>>45.\nHe pays 45 * 8 = $<<45*8=360>>360.\n#### 360",
)
BAKER = row(
    "A baker makes 1,200 rolls. Half of them are sold in the morning and 350 in the afternoon. How many rolls are left?",
    "In the morning 1200/2 = <<1200/2=600>>600 rolls are sold.\nThere are 1200-600-350 = <<1200-600-350=250>>250 left.\n#### 250",
)


def atom(one: object) -> DatasetAtom:
    made = atom_from_row(one, "own/test/000001")
    assert isinstance(made, DatasetAtom), made
    return made


def reason(one: object) -> str:
    made = atom_from_row(one, "own/test/000001")
    assert isinstance(made, Rejection), made
    return made.reason


def replaceable(question: str, answer: str) -> list[Fraction | int]:
    return list(atom(row(question, answer)).original.values())


def test_an_atom_is_a_source_with_its_numbers_in_text_order() -> None:
    source: Source = atom(PENCILS)
    assert source.original == {"n1": 14, "n2": 35, "n3": 120}
    assert source.wordings == (
        "Mia packs {n1} boxes with {n2} pencils in each. Then she sells {n3} pencils. How many pencils does Mia have now?",
    )
    assert (source.noun, source.kind, source.unit) == ("the number of pencils", "integer", None)
    assert source.topic == ("mathematics", "word problems", "grade school")


def test_the_program_gives_the_published_answer_and_follows_a_replaced_number() -> None:
    made = atom(PENCILS)
    assert made.solve(**made.original) == 370
    assert made.constraint(**made.original)
    assert made.solve(n1=20, n2=35, n3=120) == 580


def test_the_worked_solution_is_recomputed() -> None:
    assert atom(PENCILS).steps(n1=20, n2=10, n3=120) == (
        "Mia packs 20 * 10 = 200 pencils.\nShe has 200 - 120 = 80 pencils now."
    )


def test_a_percentage_is_a_share_and_stays_below_a_hundred() -> None:
    made = atom(SALE)
    assert made.solve(n1=80, n2=50, n3=3) == 120
    assert not made.parameters["n2"].contains(100)
    assert made.constraint(n1=60, n2=20, n3=8)
    assert not made.constraint(n1=61, n2=20, n3=8), "a discount of 12.2 dollars is not whole"


def test_thousands_commas_go_and_cents_of_zero_stay() -> None:
    assert "{n1} rolls" in atom(BAKER).question
    made = atom(
        row(
            "A kite costs $15.00. Ana buys 7 kites. How much does she pay?",
            "She pays 15*7 = $<<15*7=105.00>>105.00.\n#### 105",
        )
    )
    assert made.question.startswith("A kite costs ${n1}.00. Ana buys {n2}")


def test_braces_of_the_text_survive() -> None:
    made = atom(row("A {red} box holds 14 pens. How many pens are in 5 boxes?", "14*5=<<14*5=70>>70 {pens}\n#### 70"))
    assert made.question.format(**made.original) == "A {red} box holds 14 pens. How many pens are in 5 boxes?"
    assert made.steps(n1=3, n2=2) == "3*2=6 {pens}"


def test_plain_equations_stand_in_for_trivial_annotations() -> None:
    made = atom(
        row(
            "Lea has $20 and Tom gives her $60. She spends $33. How much money does she have left?",
            "She has $20 + $60 = $<<80=80>>80.\nLeft are $80 - $33 = $47.\n#### 47",
        )
    )
    assert made.solve(n1=25, n2=60, n3=33) == 52


def test_a_number_that_is_also_a_result_stays() -> None:
    """40 is both the pears and twice the plums: which of them the last line reads cannot be known."""
    question = "Ida picks 20 plums, twice as many figs, and 40 pears. She eats 7 figs and gives away the pears. How many figs are left?"
    assert replaceable(question, "Figs: 20*2=<<20*2=40>>40\nLeft: 40-7=<<40-7=33>>33\n#### 33") == [7]


def test_a_whole_number_is_not_a_hundredth_of_a_result() -> None:
    """The 2 gaps are counted by the reader; 200 meters / 100 happens to be 2 as well."""
    question = (
        "A track of 300 meters is run 4 times, with 6 tables at even gaps. How far is table 1 from table 3 in meters?"
    )
    answer = "300*4=<<300*4=1200>>1200\n1200/6=<<1200/6=200>>200\n200*2=<<200*2=400>>400\n#### 400"
    assert reason(row(question, answer)) == "unexplained number"


def test_a_number_that_occurs_twice_stays() -> None:
    question = "Bo buys 6 caps for $6 each and pays with $90. How much money is left?"
    assert replaceable(question, "6*6=<<6*6=36>>36\n90-36=<<90-36=54>>54\n#### 54") == [90]


def test_a_number_that_words_repeat_stays() -> None:
    question = "Two cooks bake for 2 hours. Each bakes 35 cakes in an hour. How many cakes do they bake?"
    assert replaceable(question, "35*2=<<35*2=70>>70\n70*2=<<70*2=140>>140\n#### 140") == [35]


def test_a_number_equal_to_a_constant_of_its_words_stays() -> None:
    question = "A hen lays 7 eggs a day and another 12 eggs a day. How many eggs is that in a week?"
    answer = "7+12=<<7+12=19>>19\n19*7=<<19*7=133>>133\n#### 133"
    assert replaceable(question, answer) == [12]


def test_years_times_ordinals_fractions_bills_and_labels_stay() -> None:
    question = (
        "In 1998, at 5 PM, the 4th bus on Route 66 leaves with 3/4 of a tank. A rider pays with a $20 bill "
        "for 3 tickets at $4 each and a map at $1.50 off for $5. How many dollars do 17 such maps cost?"
    )
    assert replaceable(question, "17 * 5 = <<17*5=85>>85\n#### 85") == [17]


@pytest.mark.parametrize(
    "question",
    [
        "Kim feeds 3 cats: Ash, Bell and Coco. Each eats 45 grams. How many grams do they eat?",
        "Kim feeds 3 different cats, 45 grams each. How many grams do they eat?",
        "Kim feeds three cats, 45 grams each. How many grams do they eat?",
        "Kim feeds the 3 cats 45 grams each. How many grams do they eat?",
        "Kim feeds 2-3 cats, 3 of them today, 45 grams each. How many grams do they eat?".replace("at most", "but"),
    ],
)
def test_a_count_that_the_text_spells_out_stays(question: str) -> None:
    assert replaceable(question, "3*45=<<3*45=135>>135\n#### 135") == [45]


def test_parts_of_a_stated_whole_stay() -> None:
    """Out of 175 tries, 100 and 75: replacing one would contradict the others."""
    question = "Of 175 throws, Jo hits half of the first 100 and 40% of the last 75. How many throws hit? Each hit earns 9 points."
    answer = "100/2=<<100/2=50>>50\n75*.4=<<75*.4=30>>30\n50+30=<<50+30=80>>80\n80*9=<<80*9=720>>720\n#### 720"
    assert replaceable(question, answer) == [40, 9]


def test_percentages_that_make_a_hundred_stay() -> None:
    question = "Of 300 books 40% are old and 60% are new. A new book is worth $8. How much are the new books worth?"
    answer = "300*60/100=<<300*60/100=180>>180\n180*8=<<180*8=1440>>1440\n#### 1440"
    assert replaceable(question, answer) == [300, 8]


def test_days_of_a_week_stay_within_a_week() -> None:
    made = atom(
        row("Di runs 5 days a week for 90 minutes. How many minutes is that?", "5*90=<<5*90=450>>450\n#### 450")
    )
    assert not made.parameters["n1"].contains(8)
    assert made.parameters["n1"].contains(7)


def test_a_rise_by_a_percentage_is_one_plus() -> None:
    made = atom(
        row("Fares of $5 rise by 20%. What do 10 fares cost?", "5*1.2=$<<5*1.2=6>>6\n6*10=<<6*10=60>>60\n#### 60")
    )
    assert made.solve(n1=20, n2=50, n3=4) == 120


def test_minutes_as_a_part_of_an_hour_are_read() -> None:
    made = atom(row("A van goes 80 km an hour. How far does it go in 30 minutes?", "80*.5=<<80*.5=40>>40\n#### 40"))
    assert made.solve(n1=60, n2=45) == 45


def test_a_fractional_answer_is_rational() -> None:
    made = atom(
        row("Uma shares 9 litres of milk among 12 cups. How much is in a cup?", "9/12=<<9/12=.75>>.75\n#### 0.75")
    )
    assert made.kind == "rational"
    assert made.solve(**made.original) == Fraction(3, 4)


REJECTED: dict[str, tuple[object, str]] = {
    "no object": (["question", "answer"], "malformed row"),
    "no answer": ({"question": "How many?"}, "malformed row"),
    "answer of another type": ({"question": "How many?", "answer": 7}, "malformed row"),
    "no final line": (row("How many are 5 and 6?", "5+6=<<5+6=11>>11"), "malformed row"),
    "final line of words": (row("How many are 5 and 6?", "5+6=<<5+6=11>>11\n#### eleven"), "malformed row"),
    "too long": (row("How many? " * 2_000, "5+6=<<5+6=11>>11\n#### 11"), "malformed row"),
    "no equation": (row("Ann has 5 cats and 6 dogs. How many pets?", "She has eleven.\n#### 11"), "no annotation"),
    "rounded": (row("Share 10 cakes among 3 men.", "10/3=<<10/3=3.33>>3.33\n#### 3.33"), "wrong arithmetic"),
    "hidden step": (
        row("Ann has 25 hens and buys 16. Each lays 8 eggs.", "41*8=<<41*8=328>>328\n#### 328"),
        "unexplained number",
    ),
    "other answer": (row("Ann has 25 hens and buys 16.", "25+16=<<25+16=41>>41\n#### 42"), "answer not reproduced"),
    "words only": (
        row("Ann has nine hens. Each lays five eggs.", "9*5=<<9*5=45>>45\n#### 45"),
        "no replaceable number",
    ),
    "comparison": (
        row("A cab costs $30, a bus $12. Ann takes the cheaper one 9 times.", "12*9=<<12*9=108>>108\n#### 108"),
        "comparison",
    ),
    "algebra": (
        row("Ann has 25 hens, 7 more than Bo. How many has Bo?", "Let b be Bo's hens.\n25-7=<<25-7=18>>18\n#### 18"),
        "algebra",
    ),
    "a step for nothing": (
        row("Ann has 25 hens and 16 ducks, and sells 5 ducks.", "25+16=<<25+16=41>>41\n16-5=<<16-5=11>>11\n#### 11"),
        "unused step",
    ),
    "huge": (
        row("Ann has 900000 bags of 7000 peas.", "900000*7000=<<900000*7000=6300000000>>6300000000\n#### 6300000000"),
        "program too large",
    ),
}


@pytest.mark.parametrize(("one", "expected"), REJECTED.values(), ids=REJECTED.keys())
def test_a_row_that_is_no_atom_has_its_reason(one: object, expected: str) -> None:
    assert reason(one) == expected


@pytest.mark.parametrize("one", [PENCILS, SALE, BAKER], ids=["pencils", "sale", "baker"])
def test_records_are_plain_json_and_read_back(one: dict[str, str]) -> None:
    made = atom(one)
    assert DatasetAtom.from_record(json.loads(json.dumps(made.to_record()))) == made


@pytest.mark.parametrize(
    "change",
    [
        {"question": "No field"},
        {"question": "{n1.__class__} {n2} {n3}"},
        {"question": "{n1:>999999999} {n2} {n3}"},
        {"question": "{n1} {n2} {n3} {"},
        {"solution": "{r7}"},
        {"program": "{}"},
        {"original": {"n1": "1/0"}},
        {"original": None},
        {"kind": "choice"},
        {"noun": 3},
        {"topic": None},
    ],
)
def test_a_damaged_record_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not the"):
        DatasetAtom.from_record(atom(PENCILS).to_record() | change)


@pytest.mark.parametrize(
    ("question", "noun"),
    [
        ("Ann has 3 cats. How many legs do they have?", "the number of legs"),
        ("How many total pages did Bo read?", "the total number of pages"),
        ("How much money is left?", "the amount of money"),
        ("How much does he pay?", "the amount"),
        ("How much water is left?", "the amount of water"),
        ("If the number of bears is 60, calculate the number of wolves in the park.", "the number of wolves"),
        ("What is the total cost of the hats?", "the total cost"),
        ("How many more cats than dogs are there?", "the answer"),
        ("How long does it take?", "the answer"),
    ],
)
def test_the_noun_is_what_the_last_sentence_asks_for(question: str, noun: str) -> None:
    assert noun_of(question) == noun


def test_rows_are_read_with_their_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(PENCILS) + "\n\n" + json.dumps([1]) + "\n")
    assert list(read_rows(str(path))) == [(1, PENCILS), (3, [1])]
    assert list(read_rows(path.as_uri())) == list(read_rows(str(path)))


@pytest.mark.parametrize("line", ['{"question": ', "NaN", "{'a': 1}", "[" * 100_000, "9" * 5_000])
def test_a_line_that_is_not_json_is_named_before_any_row_is_given(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(PENCILS) + "\n" + line + "\n")
    with pytest.raises(DatasetError, match=re.escape(f"{path}, line 2")):
        read_rows(str(path))


def test_a_file_that_is_missing_or_binary_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such file"):
        read_rows(str(tmp_path / "none.jsonl"))
    with pytest.raises(DatasetError, match="cannot be read"):
        read_rows(str(tmp_path))
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="UTF-8"):
        read_rows(str(path))


def test_a_hub_id_names_the_remedy_where_the_hub_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(DatasetError, match=r"pip install 'catena\[hub\]'"):
        read_rows("someone/gsm-small")
    with pytest.raises(DatasetError, match="no such file"):
        read_rows("someone/gsm-small.jsonl")


pieces = st.sampled_from([*"0123456789 .,%$+-*/=()<>{}\n", "<<", ">>", "####", "#### 7", " half ", "x", "12 ", "two "])


@given(st.lists(pieces, max_size=80).map("".join), st.lists(pieces, max_size=80).map("".join))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_an_atom_or_a_reason(question: str, answer: str) -> None:
    made = atom_from_row(row(question + "a", answer + "\n#### 7"), "own/test/000001")
    assert isinstance(made, DatasetAtom | Rejection)


@pytest.mark.parametrize(
    "text", ["1+" * 2_400, "(" * 4_900, "<<" * 2_400, "<<1+1=2>>\n" * 480, "1 = " * 1_200, "7 " * 2_400]
)
def test_hostile_text_ends_soon(text: str) -> None:
    atom_from_row(row(text, text + "\n#### 7"), "own/test/000001")
    atom_from_row(row("Ann has 7 cats.", text + "\n#### 7"), "own/test/000001")


def draw_values(made: DatasetAtom, rng: Random) -> dict[str, Any] | None:
    for _ in range(300):
        name = rng.choice(made.names)
        values = {**made.original, name: made.parameters[name].draw(rng)}
        if values != made.original and made.constraint(**values):
            return values
    return None


def check(made: DatasetAtom, one: dict[str, str], rng: Random) -> None:
    """The atom reads as published, and its recomputed solution has no stale number in any equation."""
    assert (
        made.question.format(**made.original) == re.sub(r"(?<=\d),(?=\d{3})", "", one["question"])
        or "," in one["question"]
    )
    assert made.solve(**made.original) == Fraction(one["answer"].rpartition("####")[2].strip().replace(",", ""))
    assert made.constraint(**made.original)
    assert all(made.parameters[name].contains(value) for name, value in made.original.items())
    assert DatasetAtom.from_record(json.loads(json.dumps(made.to_record()))) == made
    values = draw_values(made, rng)
    if values is not None and made.solution:
        published, recomputed = (read_equations(made.steps(**each)) for each in (made.original, values))
        assert len(published) == len(recomputed)
        assert all(value_of(each.readings[0]) == each.result for each in recomputed)


@pytest.mark.parametrize("one", [PENCILS, SALE, BAKER], ids=["pencils", "sale", "baker"])
def test_recomputed_solutions_hold(one: dict[str, str]) -> None:
    for seed in range(20):
        check(atom(one), one, Random(seed))


@pytest.mark.skipif("CATENA_GSM8K" not in os.environ, reason="CATENA_GSM8K names no file of GSM8K rows")
def test_most_published_rows_become_atoms() -> None:
    counts = Counter[str]()
    rows = list(read_rows(os.environ["CATENA_GSM8K"]))
    for number, one in rows:
        made = atom_from_row(one, f"gsm8k/train/{number:06d}")
        counts[made.reason if isinstance(made, Rejection) else "kept"] += 1
        if isinstance(made, DatasetAtom):
            assert isinstance(one, dict)
            check(made, one, Random(number))
    assert sum(counts.values()) == len(rows)
    assert counts["kept"] >= 0.6 * len(rows), counts
