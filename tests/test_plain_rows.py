"""Plain question/answer rows: files in three forms, typed answers, value-preserving links, and books that add up."""

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catena.errors import DatasetError
from catena.flows.job import Job
from catena.flows.kept_rows import keep_rows, mixed, read_sources
from catena.generators.chain import Pools
from catena.generators.composing import Form, compose_problem
from catena.generators.dataset_rows import read_rows
from catena.generators.item_source import ItemSource
from catena.generators.plain_rows import Columns, Refusal, item_from_row
from catena.generators.sources import prepare
from catena.graphs import graph_from_text, graph_text
from catena.items import ItemProgram
from catena.records import Answer
from catena.shards import read_shard
from catena.storage import Store
from catena.validators.certificates import Limits, certify

LAYOUT = {"question": "q", "answer": "a", "solution": "how", "config": None}


def row(number: int) -> dict[str, Any]:
    """A question with two essential numbers."""
    pens, price = 13 + 3 * number, 211 + 7 * number
    return {
        "q": f"Shop {'ABCDEFGHIJ'[number % 10]} sells {pens} pens at {price} cents each. How many cents does it get?",
        "a": str(pens * price),
        "how": f"It gets {pens}*{price} = <<{pens}*{price}={pens * price}>>{pens * price} cents.",
    }


def item(number: int) -> ItemSource:
    read = item_from_row(row(number), f"shop/{number}", Columns("q", "a", "how"))
    assert isinstance(read, ItemSource)
    return read


def test_jsonl_and_parquet_hold_the_same_rows(tmp_path: Path) -> None:
    rows = [row(number) for number in range(5)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    expected = list(enumerate(rows, start=1))
    for name in ("rows.jsonl", "rows.parquet"):
        assert list(read_rows(str(tmp_path / name))) == expected
        assert list(read_rows((tmp_path / name).as_uri())) == expected
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DatasetError, match=r"rows.parquet: cannot be read as Parquet .*write it anew, or give JSONL"):
        read_rows(str(tmp_path / "rows.parquet"))


@pytest.mark.parametrize(
    ("answer", "value", "kind"),
    [
        ("1,250", "1250", "integer"),
        ("$18", "18", "integer"),
        (7, "7", "integer"),
        ("0.25", "1/4", "rational"),
        ("-3/4", "-3/4", "rational"),
        ("yes", "True", "boolean"),
        ("Paris", "Paris", "string"),
        ("x^2 + 1", "x^2 + 1", "expression"),
        ("some work\n#### 72", "72", "integer"),
    ],
)
def test_answers_are_typed(answer: object, value: str, kind: str) -> None:
    read = item_from_row({"question": "What comes out in the end?", "answer": answer}, "row")
    assert isinstance(read, ItemSource)
    assert (str(read.program.answer), read.kind) == (value, kind)
    assert ItemSource.from_record(json.loads(json.dumps(read.to_record()))) == read


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([1], "malformed row"),
        ({"question": "How?"}, "no answer"),
        ({"answer": "3"}, "no question"),
        ({"question": "How many?", "answer": ""}, "no answer"),
        ({"question": "How " * 2000, "answer": "3"}, "text too long"),
        ({"question": "1, 2, ?", "answer": "3"}, "no word"),
    ],
)
def test_a_row_that_is_no_problem_has_a_reason(given: object, reason: str) -> None:
    read = item_from_row(given, "row")
    assert isinstance(read, Refusal)
    assert read.reason == reason


def test_links_into_kept_rows_preserve_their_numbers_and_truth_and_are_certified() -> None:
    prepared = [prepare(item(number)) for number in range(40)]
    pools = Pools(prepared, prepared, 0.0, 1e9)
    granted = 0
    for seed in range(20):
        problem = compose_problem(pools, 3, Random(seed), form=Form("serial" if seed % 2 else "fan-out")).problem
        assert problem is not None
        graph = graph_from_text(graph_text(problem.graph))
        for link in graph.links:
            assert link.kind == "value-preserving"
            child = ItemProgram.from_text(graph.nodes[link.child].program)
            assert graph.nodes[link.child].values[link.parameter] == child.stated[link.parameter]
            assert child.decided[link.parameter] == "annotation"
        certificate = certify(problem.statement, problem.answer, graph, ItemProgram.from_text, Random(0), Limits())
        granted += certificate.reason is None
        wrong = Answer("integer", "1")
        assert certify(problem.statement, wrong, graph, ItemProgram.from_text, Random(0), Limits()).reason is not None
    assert granted >= 17


def test_a_row_without_an_essential_number_is_only_a_root() -> None:
    read = item_from_row({"question": "How many legs do Tom's 15 sheep have?", "answer": "60"}, "row")
    assert isinstance(read, ItemSource)
    assert not read.program.stated
    assert (prepare(read).links, prepare(read).can_be_parent) == ((), True)


@pytest.mark.parametrize("shape", ["loop", "backward"])
def test_no_loop_and_no_inversion_asks_a_kept_row_for_other_numbers(shape: Any) -> None:
    prepared = [prepare(item(number)) for number in range(40)]
    pools = Pools(prepared, prepared, 0.3, 1e9)
    assert compose_problem(pools, 4, Random(1), form=Form(shape)).problem is None


def test_the_text_of_an_item_is_not_trusted() -> None:
    text = item(1).program_text
    assert ItemProgram.from_text(text).to_text() == text
    for wrong in (
        text[:-1],
        text.replace("annotation", "guess"),
        text.replace(":", ": ", 3),
        "item:[]",
        "item:{}",
        "x",
    ):
        with pytest.raises(ValueError, match="not the text of an item"):
            ItemProgram.from_text(wrong)


def test_other_numbers_give_another_answer_and_a_source_refuses_them() -> None:
    one = item(2)
    for name, value in one.program.stated.items():
        for other in range(value + 1, value + 20):
            assert one.program.solve(**{**one.program.values, name: other}) != one.program.answer
    with pytest.raises(ValueError, match="no truth is known for other numbers"):
        one.solve(**{**one.program.values, "n1": 3})


def test_the_books_of_a_file_add_up_and_say_who_decided(tmp_path: Path) -> None:
    rows: list[object] = [row(number) for number in range(6)]
    rows += [{"q": "Who?", "a": "Tom", "how": ""}, {"q": "", "a": "1"}, {"q": "How many?"}, 17, {"q": "?", "a": "5"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    store, job = Store(str(tmp_path / "run")), Job(str(tmp_path / "run"), "stages/atoms-0", "shop", "parse_dataset", {})
    marker = keep_rows(store, job, source=str(tmp_path / "rows.jsonl"), name="shop", split="train", layout=LAYOUT)
    assert marker.rows_in == len(rows) == marker.rows_out + sum(marker.filtered.values())
    assert marker.filtered == {"no question": 1, "no answer": 1, "malformed row": 1, "no word": 1}
    assert marker.facts == {"essential by annotation": 12, "root only": 1}
    assert Counter(one.kind for one in read_sources(read_shard(store, marker.shards[0].path))) == {
        "integer": 6,
        "string": 1,
    }


def test_an_empty_file_and_a_missing_column_are_said_in_one_sentence(tmp_path: Path) -> None:
    store, job = Store(str(tmp_path)), Job(str(tmp_path), "stages/atoms-0", "shop", "parse_dataset", {})
    path = tmp_path / "rows.jsonl"
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"rows.jsonl: there are no rows in it"):
        keep_rows(store, job, source=str(path), name="shop", split="train", layout=LAYOUT)
    path.write_text(json.dumps({"q": "How?", "reply": "3", "how": ""}) + "\n", encoding="utf-8")
    with pytest.raises(
        DatasetError, match=r"no row has a column 'a'; its columns are 'how', 'q', 'reply': name the right"
    ):
        keep_rows(store, job, source=str(path), name="shop", split="train", layout=LAYOUT)


def test_sources_are_mixed_in_their_shares_and_none_is_lost() -> None:
    several = mixed(list("abcdefgh"), [(list("XY"), 0.5)])
    counts = Counter(one.isupper() for one in several)
    assert abs(counts[True] / len(several) - 0.5) < 0.01
    assert set(several) == set("abcdefghXY")
    with pytest.raises(ValueError, match="must add up to less than 1"):
        mixed(["a"], [(["b"], 1.0)])
