"""Benchmarks and published rows as problems: columns, answer forms, choices, what is refused and what is left out."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catena.answers import compare
from catena.errors import DatasetError
from catena.flows.eval_benchmarks import PRESETS, Layout, problem_of
from catena.flows.eval_data import read_data, taught_by
from catena.flows.eval_excess import excess_by_horizon
from catena.graphs import graph_text
from catena.pass_rates import Observed, Tally, pass_rates_of
from catena.records import Adapter, Answer, Graph, Link, Node, Sample
from catena.schemas import schema_of
from catena.shards import write_manifest, write_shard
from catena.storage import Store
from catena.trainers.evaluate_records import EvaluationProblem, Judged
from tests.evaluation_rows import jsonl, sample, shard

GPQA = {
    "Record ID": "rec1", "Question": "Which?", "Correct Answer": "the sun", "Incorrect Answer 1": "the moon",
    "Incorrect Answer 2": "Mars", "Incorrect Answer 3": "none", "High-level domain": "Physics",
}  # fmt: skip


@pytest.mark.parametrize(
    ("preset", "row", "right", "wrong"),
    [
        ("gsm8k", {"question": "q", "answer": "6 * 2 = <<6*2=12>>12\n#### 1,200"}, "1200", "12"),
        ("math500", {"problem": "q", "answer": r"\frac{3}{4}", "unique_id": "a/1", "level": 3}, "0.75", "3"),
        ("aime", {"Problem": "q", "Answer": 25, "ID": "2024-I-1"}, "025", "26"),
    ],
)
def test_the_presets_read_their_benchmarks(preset: str, row: dict[str, Any], right: str, wrong: str) -> None:
    problem = problem_of(row, PRESETS[preset], "row 1", seed=0)
    assert compare(problem.gold, f"<answer>{right}</answer>").verdict == "equal"
    assert compare(problem.gold, f"<answer>{wrong}</answer>").verdict == "different"
    assert problem.prompt[0].content.startswith("q\n")
    assert problem.shape == ("level 3" if preset == "math500" else "")


def test_choices_are_shuffled_by_the_seed_and_the_letter_is_the_answer() -> None:
    found = [problem_of(GPQA, PRESETS["gpqa"], "row 1", seed=seed) for seed in range(40)]
    for problem in found:
        assert f"{problem.gold.value}) the sun" in problem.question
        assert compare(problem.gold, f"The answer is ({problem.gold.value}).").verdict == "equal"
    assert {problem.gold.value for problem in found} == set("ABCD")
    assert found[3] == problem_of(GPQA, PRESETS["gpqa"], "row 1", seed=3)
    assert (found[0].problem_id, found[0].subject) == ("rec1", "Physics")


@pytest.mark.parametrize("answer", ["B", 1, "1", "two"])
def test_the_right_choice_is_named_by_letter_place_or_text(answer: str | int) -> None:
    for choices in (["one", "two", "three"], {"text": ["one", "two", "three"], "label": ["A", "B", "C"]}):
        problem = problem_of(
            {"question": "q", "choices": choices, "answer": answer}, Layout(form="choice"), "row 1", seed=1
        )
        assert f"{problem.gold.value}) two" in problem.question


@pytest.mark.parametrize(
    ("layout", "row", "said"),
    [
        (Layout(), {"text": "q"}, "no column 'question' or 'problem'.*it has 'text'; name the column with --question"),
        (PRESETS["gsm8k"], {"question": "q", "answer": "12"}, "ends without '#### <number>'"),
        (Layout(form="choice"), {"question": "q", "answer": "E", "choices": ["x", "y"]}, "'E' is none of 2 choices"),
        (Layout(form="choice"), {"question": "q", "answer": 2, "choices": ["x", "y"]}, "'2' is none of 2 choices"),
        (Layout(form="choice"), {"question": "q", "answer": "A", "choices": "xy"}, "expected a list of 2 to 26"),
        (Layout(), {"question": ["q"], "answer": "1"}, "where a text or a number is expected"),
    ],
)
def test_rows_that_are_no_problems_are_refused(layout: Layout, row: dict[str, Any], said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        problem_of(row, layout, "row 1", seed=0)


def test_problems_that_cannot_be_judged_or_come_again_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [{"question": "a", "answer": 1}, {"question": "a", "answer": 1}, {"question": "b", "answer": "lots"}]
    source = jsonl(tmp_path / "rows.jsonl", rows)
    data = read_data(source, Layout(kind="integer"))
    assert [problem.question for problem in data.problems] == ["a"]
    assert sorted(data.left_out.values()) == [1, 1]
    assert data.taught is None


def test_two_problems_with_one_id_are_refused(tmp_path: Path) -> None:
    rows = [{"id": 1, "question": "a", "answer": 1}, {"id": 1, "question": "b", "answer": 1}]
    with pytest.raises(DatasetError, match="two different problems have the id '1'"):
        read_data(jsonl(tmp_path / "rows.jsonl", rows), None)


def test_the_limit_takes_the_same_problems_whatever_their_order(tmp_path: Path) -> None:
    rows = [{"question": f"q{i}", "answer": i} for i in range(30)]
    one, other = jsonl(tmp_path / "a.jsonl", rows), jsonl(tmp_path / "b.jsonl", rows[::-1])
    chosen = [{problem.question for problem in read_data(path, None, limit=7).problems} for path in (one, other)]
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == 7
    assert chosen[0] != {f"q{i}" for i in range(7)}


def test_published_rows_bring_their_prompts_and_what_was_taught(tmp_path: Path) -> None:
    rows = (sample("a", "sft", 1), sample("b", "rl", 2, sources=["s", "t"]), sample("c", "test", 3))
    data = read_data(shard(tmp_path / "rows.parquet", *rows), None)
    (problem,) = data.problems
    assert (problem.problem_id, problem.horizon, problem.sources) == ("c", 3, ("s",))
    assert problem.prompt[0].content == "What is c?"
    assert data.taught is not None
    assert (data.taught.horizons, data.taught.sources) == ({1, 2}, {"s", "t"})


def test_a_run_folder_gives_its_held_out_rows_once(tmp_path: Path) -> None:
    store, schema = Store(str(tmp_path / "run")), schema_of(Sample)
    parts = {"sft": [sample("a", "sft", 2)], "test": [sample("b", "test", 5), sample("c", "test", 1)]}
    shards = [
        write_shard(store, f"data/{use}/rows.parquet", pa.Table.from_pylist(rows, schema=schema))
        for use, rows in parts.items()
    ]
    write_manifest(store, "data/manifest.json", shards)
    data = read_data(str(tmp_path / "run"), None)
    assert ([one.problem_id for one in data.problems], data.published) == (["b", "c"], True)
    assert taught_by(str(tmp_path / "run")) == data.taught
    assert data.taught is not None
    assert data.taught.horizons == {2}


def test_without_rows_for_the_use_or_for_training_it_says_so(tmp_path: Path) -> None:
    path = shard(tmp_path / "rows.parquet", sample("a", "test"))
    with pytest.raises(DatasetError, match="no row for use 'rl', it has"):
        read_data(path, None, use="rl")
    with pytest.raises(DatasetError, match="no published rows for training"):
        taught_by(path)


def chain(source: str, length: int) -> str:
    nodes = tuple(Node(source, source, {"x": 1}, Answer("integer", "1")) for _ in range(length))
    links = tuple(Link(i, i + 1, "x", Adapter("identity"), "value-changing") for i in range(length - 1))
    return graph_text(Graph(nodes, links))


def test_excess_is_measured_against_the_product_of_the_parts() -> None:
    parts = pass_rates_of([Observed("s", "evaluated", Tally(80, 100), "source")])
    given = [
        EvaluationProblem(str(i), "q", (), Answer("integer", "7"), 2, sources=("s", "s"), graph=chain("s", 2))
        for i in range(50)
    ]
    judged = [Judged(one.problem_id, 0, "equal" if i < 16 else "different") for i, one in enumerate(given)]
    (found,) = excess_by_horizon(given, judged, parts=parts)
    assert (found.horizon, found.num_problems, found.measured) == (2, 50, 0.32)
    assert found.expected == pytest.approx(0.64)
    assert found.high < 0
    assert excess_by_horizon(given, judged) == []
    few = pass_rates_of([Observed("s", "evaluated", Tally(8, 10), "source")])
    assert excess_by_horizon(given, judged, parts=few) == []
