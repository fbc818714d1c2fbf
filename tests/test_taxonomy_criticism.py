import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.taxonomy.criticism import (
    NAME_REASONS,
    PLACE_REASONS,
    Misplaced,
    NonTopic,
    misplaced,
    non_topics,
    why_no_topic,
)

with open(Path(__file__).parents[1] / "benchmarks" / "taxonomy" / "names.csv", encoding="utf-8", newline="") as lines:
    LABELLED = [(row["name"], row["reason"] or None) for row in csv.DictReader(lines)]


def test_the_labelled_names_are_many_and_most_are_topics() -> None:
    topics = [name for name, reason in LABELLED if reason is None]
    assert len(LABELLED) >= 150
    assert len(topics) >= 100
    assert {reason for _, reason in LABELLED if reason} <= set(NAME_REASONS)


@pytest.mark.parametrize(("name", "reason"), LABELLED)
def test_each_labelled_name_is_judged_as_it_should(name: str, reason: str | None) -> None:
    assert why_no_topic(name) == reason


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        (" \t\u200b", "empty"),
        ("Graph\x00theory", "control characters"),
        ("Topology\x1b[31m", "control characters"),
        ("a" * 10_000, "too long"),
        ("graph " * 2_000, "too long"),
        ("\x07" * 10_000, "empty"),
    ],
)
def test_names_that_no_list_can_show_have_a_reason(name: str, reason: str) -> None:
    assert why_no_topic(name) == reason


def test_positions_and_names_are_those_of_the_list() -> None:
    assert non_topics(["Algebra", "Miscellaneous", "", "Optics"]) == [
        NonTopic(1, "Miscellaneous", "placeholder"),
        NonTopic(2, "", "empty"),
    ]


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        ([("Physics",), ("Physics", "physics")], [(1, "repeats its parent", 0)]),
        ([("Graphs",), ("Graphs", "Trees"), ("Graphs", "Trees", "Graph")], [(2, "repeats an ancestor", 0)]),
        ([("Maths",), ("Maths", "Theory of graphs"), ("Maths", "Graph theory")], [(2, "repeats a sibling", 1)]),
        (
            [("Physics",), ("Physics", "Quantum mechanics"), ("Physics", "Quantum mechanics", "Mechanics")],
            [(2, "broader than its parent", 1)],
        ),
        (
            [("Maths",), ("Maths", "Spectral graph theory"), ("Maths", "Graph theory")],
            [(1, "beside its parent", 2)],
        ),
        ([("Physics",), ("Chemistry",), ("Physics", "Chemistry")], [(2, "a subject of its own", 1)]),
    ],
)
def test_doubtful_places_are_found(paths: list[tuple[str, ...]], found: list[tuple[int, str, int]]) -> None:
    assert misplaced(paths) == [Misplaced(paths[at], reason, paths[other]) for at, reason, other in found]  # type: ignore[arg-type]
    assert {one.reason for one in misplaced(paths)} <= set(PLACE_REASONS)


def test_ordinary_trees_are_left_alone() -> None:
    areas = {
        "Physics": {
            "Optics": ["Geometrical optics", "Nonlinear optics"],
            "Mechanics": ["Statics", "Quantum mechanics"],
        },
        "Chemistry": {
            "Heat and mass transfer": ["Mass transfer", "Heat conduction"],
            "Kinetics": ["First-order kinetics"],
        },
    }
    paths: list[tuple[str, ...]] = []
    for subject, below in areas.items():
        paths.append((subject,))
        for area, topics in below.items():
            paths += [(subject, area), *((subject, area, topic) for topic in topics)]
    assert misplaced(paths) == []


def test_a_kind_beside_its_parent_is_doubtful_until_something_says_what_the_parent_holds() -> None:
    broad, kind = ("Physics", "Mechanics"), ("Physics", "Quantum mechanics")
    flat = [("Physics",), broad, kind]
    assert misplaced(flat) == [Misplaced(kind, "beside its parent", broad)]
    assert misplaced([*flat, (*broad, "Statics")]) == []
    assert misplaced([*flat, (*kind, "Spin")]) == [Misplaced(kind, "beside its parent", broad)]
    assert misplaced(flat, settled=[broad]) == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=6))
def test_any_list_of_any_texts_is_judged(names: list[str]) -> None:
    found = non_topics(names)
    assert all(names[one.position] == one.name for one in found)
    assert all(one.reason in NAME_REASONS for one in found)
    assert [one.position for one in found] == sorted({one.position for one in found})
    assert all(one.path in (tuple(names), tuple(names[:2])) for one in misplaced([tuple(names), tuple(names[:2])]))


@pytest.mark.parametrize(
    "name",
    [
        "Physics education research and outreach",
        "Safety, regulation, and chemical education",
        "Mathematics education",
        "Teaching of chemistry",
    ],
)
def test_names_about_teaching_a_field_are_no_topics_of_it(name: str) -> None:
    assert why_no_topic(name) == "about teaching"


@pytest.mark.parametrize(
    "name", ["Philosophy of education", "Special education", "Education policy", "Machine teaching"]
)
def test_education_as_a_field_of_its_own_is_a_topic(name: str) -> None:
    assert why_no_topic(name) is None
