"""Exports: the same rows for every trainer, whole or not at all, and one sentence where they cannot be made."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catena.flows.cli import main
from catena.flows.export_sources import Seen
from catena.records import PassRate, Sample, Turn, Use
from catena.schemas import table_of
from catena.shards import write_manifest, write_shard
from catena.storage import Store
from catena.trainers.canonical import RL_SCHEMA, rl_row, with_visit
from catena.trainers.exports.targets import TARGETS

PUZZLE = json.dumps({"family": "countdown", "instance": {"numbers": [3, 5, 7, 25], "target": 30}})


def sample(number: int, use: Use = "rl", **changes: Any) -> Sample:
    prompt = Turn("user", f"What is {number} + {number}?")
    reply = Turn("assistant", f"Twice {number}.\n<answer>{2 * number}</answer>")
    row = Sample(
        problem_id=f"p{number}", subject="mathematics", topic="sums", topic_path=("mathematics", "arithmetic", "sums"),
        concepts=(), question=prompt.content, answer=str(2 * number), answer_type="integer", answer_unit=None,
        answer_tolerance=None, solution=reply.content, correctness=True, prompt=(prompt,), completion=(reply,),
        messages=(prompt, reply), horizon=1 + number % 3, style="prose", intermediate_answers=(), sources=("sums",),
        template="sums", model=None, reasoning=None, solution_style=None, solution_language=None, operator="", missing="",
        hints=(), graph=None, certificate=None, columns=None, verdicts=(), pass_rate=(), suggested_use=use, provenance="{}",
    )  # fmt: skip
    return replace(row, **changes)


def puzzle(number: int) -> Sample:
    return sample(number, answer="", answer_type="string", columns=json.dumps({"puzzle": PUZZLE}), horizon=1)


def run_folder(folder: Path, samples: Sequence[Sample], shards: int = 2) -> str:
    store = Store(str(folder))
    parts = [samples[at::shards] for at in range(shards)]
    written = [
        write_shard(store, f"data/{at}.parquet", table_of(Sample, part)) for at, part in enumerate(parts) if part
    ]
    write_manifest(store, "data/manifest.json", written)
    return str(folder)


def mixed(folder: Path) -> str:
    rates = (PassRate("m", 0.25, 1, 4), PassRate("n", 0.75, 3, 4))
    tests = [sample(number, "test") for number in range(90, 93)]
    right = [sample(number, "sft") for number in range(50, 54)]
    rows = [sample(number) for number in range(12)] + [sample(40, pass_rate=rates), sample(3), puzzle(41)]
    return run_folder(folder, [*rows, *tests, *right])


def export(source: str, out: Path, *more: str) -> int:
    return main(["export", source, "--out", str(out), *more])


def rows_of(out: Path, split: str = "train") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(out / f"{split}.parquet").to_pylist()
    return rows


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("use", ["rl", "sft"])
def test_every_trainer_gets_each_row_once_in_its_schema(target: str, use: str, tmp_path: Path) -> None:
    assert export(mixed(tmp_path / "run"), tmp_path / "out", "--to", target, "--use", use) == 0
    layout = TARGETS[target].rl if use == "rl" else TARGETS[target].sft
    table = pq.read_table(tmp_path / "out" / "train.parquet")
    assert table.schema.equals(layout.schema)
    assert table.num_rows == (14 if use == "rl" else 4)  # 12 sums, one of them twice, one with rates, and a puzzle
    assert len(rows_of(tmp_path / "out", "test")) == 3
    text = json.dumps(table.to_pylist())
    assert ("countdown" in text) == (use == "rl")
    assert "What is 90 + 90?" not in text


def test_a_row_carries_its_typed_answer_its_difficulty_and_its_family(tmp_path: Path) -> None:
    export(mixed(tmp_path / "run"), tmp_path / "out", "--to", "trl")
    row = next(row for row in rows_of(tmp_path / "out") if row["id"] == "p40")
    assert json.loads(row["verifier_args"]) == {"kind": "integer", "value": "80", "unit": None, "tolerance": None}
    assert (row["difficulty"], row["family_id"], row["data_source"]) == (0.5, "sums", "catena/h2")
    assert row["verifier"].startswith("catena.answers@")
    solved = next(row for row in rows_of(tmp_path / "out") if row["id"] == "p41")
    assert json.loads(solved["verifier_args"])["puzzle"] == PUZZLE
    assert solved["verifier"].startswith("catena.puzzles@")


def test_the_same_rows_give_the_same_bytes_and_the_same_export_again_changes_nothing(tmp_path: Path) -> None:
    source = mixed(tmp_path / "run")
    for out in ("a", "b"):
        assert export(source, tmp_path / out, "--to", "nemo-rl") == 0
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    assert all((tmp_path / "a" / one).read_bytes() == (tmp_path / "b" / one).read_bytes() for one in names)
    before = (tmp_path / "a" / "train.parquet").stat().st_mtime_ns
    assert export(source, tmp_path / "a", "--to", "nemo-rl") == 0
    assert (tmp_path / "a" / "train.parquet").stat().st_mtime_ns == before
    assert not list(tmp_path.glob(".*.tmp"))


def test_the_manifest_lists_each_file_and_an_altered_export_is_not_taken_for_the_same(tmp_path: Path) -> None:
    source, out = mixed(tmp_path / "run"), tmp_path / "out"
    export(source, out, "--to", "verl")
    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["files"]) == {"train.parquet", "test.parquet", "catena_reward.py", "README.md"}
    assert manifest["rows"] == {"train": 14, "test": 3}
    (out / "catena_reward.py").write_text("def compute_score(**_): return 1.0\n")
    assert export(source, out, "--to", "verl") == 2


def test_only_the_split_asked_for_is_written(tmp_path: Path) -> None:
    assert export(mixed(tmp_path / "run"), tmp_path / "out", "--to", "slime", "--split", "test") == 0
    assert [path.name for path in (tmp_path / "out").glob("*.parquet")] == ["test.parquet"]
    assert {row["metadata"]["split"] for row in rows_of(tmp_path / "out", "test")} == {"test"}


def test_graphs_travel_only_where_they_are_asked_for(tmp_path: Path) -> None:
    source = run_folder(tmp_path / "run", [sample(1, graph='{"nodes": []}')])
    for out, more in (("plain", []), ("graphs", ["--graphs"])):
        export(source, tmp_path / out, "--to", "trl", *more)
    plain, with_graphs = (json.loads(rows_of(tmp_path / out)[0]["verifier_args"]) for out in ("plain", "graphs"))
    assert with_graphs == plain | {"graph": '{"nodes": []}', "question": "What is 1 + 1?"}


BAD: dict[str, tuple[list[str], str]] = {
    "unknown trainer": (["--to", "nanochat"], "no such trainer"),
    "unknown use": (["--to", "trl", "--rows", "tests"], "no use 'tests'"),
    "nothing chosen": (["--to", "trl", "--rows", "quarantine", "--split", "train"], "the data holds"),
    "no answer": (["--to", "trl", "--rows", "probe"], "no answer"),
    "two places": (["--to", "trl", "--schedule", "x"], "either --out"),
    "shuffled": (["--to", "skyrl", "--schedule", "x"], "either --out"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more, said = BAD[case]
    samples = [sample(1), sample(2, "test"), sample(3, "probe", answer="")]
    assert export(run_folder(tmp_path / "run", samples), tmp_path / "out", *more) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_rows_without_a_solution_are_refused_for_sft_by_their_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = run_folder(tmp_path / "run", [sample(1, "sft", completion=())])
    assert export(source, tmp_path / "out", "--to", "verl", "--use", "sft") == 2
    assert "problem p1: its completion is empty" in capsys.readouterr().err


def test_a_folder_with_other_content_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("three years")
    assert export(mixed(tmp_path / "run"), out, "--to", "trl") == 2
    assert "holds something else" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_shards_that_are_damaged_altered_of_another_version_or_of_a_stage_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Path(mixed(tmp_path / "run"))
    shard = source / "data" / "0.parquet"
    table, whole = pq.read_table(shard), shard.read_bytes()
    cases: dict[str, Any] = {
        "not what the manifest lists": (whole + b"x", source),
        "not a whole Parquet file": (whole[:900], shard),
        "schema version 1": (table.replace_schema_metadata({b"catena_schema": b"1"}), shard),
        "no column 'answer'": (table.drop_columns(["answer"]), shard),
        "no such shard": (None, shard),
    }
    for said, (content, place) in cases.items():
        if content is None:
            shard.unlink()
        elif isinstance(content, bytes):
            shard.write_bytes(content)
        else:
            pq.write_table(content, shard)
        assert export(str(place), tmp_path / "out", "--to", "trl") == 2, said
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_conversation_is_refused_where_the_trainer_takes_one_turn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = (Turn("system", "Be brief."), Turn("user", "1 + 1?"))
    source = run_folder(tmp_path / "run", [sample(1, prompt=turns)])
    assert export(source, tmp_path / "nemo", "--to", "nemo-rl") == 2
    assert "takes one turn of the user" in capsys.readouterr().err
    assert export(source, tmp_path / "verl", "--to", "verl") == 0
    assert [turn["role"] for turn in rows_of(tmp_path / "verl")[0]["prompt"]] == ["system", "user"]


def test_rows_of_jsonl_are_exported_like_those_of_shards(tmp_path: Path) -> None:
    samples = [sample(number) for number in range(5)]
    lines = [json.dumps(row) for row in table_of(Sample, samples).to_pylist()]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    export(str(tmp_path / "rows.jsonl"), tmp_path / "a", "--to", "trl")
    export(run_folder(tmp_path / "run", samples, shards=1), tmp_path / "b", "--to", "trl")
    assert rows_of(tmp_path / "a") == rows_of(tmp_path / "b")


def test_seen_ids_are_known_across_its_compactions() -> None:
    seen, number = Seen(), 150_000
    assert not any(seen(str(one)) for one in range(number))
    assert all(seen(str(one)) for one in range(0, number, 7))


def test_a_visit_is_added_to_what_the_checker_gets() -> None:
    table = table_of(Sample, [sample(4)]).to_pylist()[0]
    row = rl_row(table, split="train", version="0")
    visited = with_visit(row, "s" * 32, 7)
    assert json.loads(visited["verifier_args"])["visit"] == {"schedule": "s" * 32, "number": 7, "problem_id": "p4"}
    assert {**visited, "verifier_args": ""} == {**row, "verifier_args": ""}
    assert pa.Table.from_pylist([visited], schema=RL_SCHEMA).num_rows == 1


def test_a_row_that_is_no_published_row_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.jsonl").write_text('{"question": "1 + 1?", "answer": "2"}\n')
    assert export(str(tmp_path / "rows.jsonl"), tmp_path / "out", "--to", "trl") == 2
    assert "no column 'problem_id'" in capsys.readouterr().err
