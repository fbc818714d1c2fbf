"""Views over published shards: what a trainer gets to see, from every kind of place."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catena.errors import DatasetError, ShardError

pytest.importorskip("datasets")

from catena.trainers.dataset import read_examples
from catena.trainers.views import preference_view, rl_view, sft_view
from catena.trainers.views_rows import shard_paths
from tests.tiny_shards import publish, row

APART = "{{ message.reasoning_content }}"
ROWS = [
    *(row(f"s{at}", answer=str(at), reasoning="two and more", horizon=1 + at % 2) for at in range(5)),
    *(row(f"r{at}", answer=str(at), suggested_use="rl", sources=["plus", "times"]) for at in range(3)),
    row("t0", suggested_use="test"),
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return publish(tmp_path / "run", ROWS)


def test_a_run_folder_a_folder_a_shard_and_several_give_the_same_rows(run: Path) -> None:
    paths = [str(path) for path in sorted((run / "data" / "sft").glob("*.parquet"))]
    expected = read_examples(str(run), use="sft")
    assert [one.problem_id for one in expected] == ["s0", "s1", "s2", "s3", "s4"]
    assert read_examples(paths, use="sft") == read_examples(str(run / "data" / "sft"), use="sft") == expected
    assert read_examples(paths[0], use="sft") == expected[:2]


def test_a_run_is_found_by_its_name(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run.parent / "runs").mkdir()
    run.rename(run.parent / "runs" / "mine")
    monkeypatch.chdir(run.parent)
    assert len(rl_view("mine")) == 3


def test_sft_rows_keep_their_reasoning_as_the_template_wants_it(run: Path) -> None:
    plain, apart = (sft_view(str(run), template=template)[1] for template in ("", APART))
    dropped = sft_view(str(run), thinking="drop", template=APART)[1]
    assert plain["completion"][0]["content"] == "<think>\ntwo and more\n</think>\n\n<answer>1</answer>"
    assert apart["completion"][0] == {
        "role": "assistant", "content": "<answer>1</answer>", "reasoning_content": "two and more",
    }  # fmt: skip
    assert apart["prompt"][0]["reasoning_content"] is None
    assert dropped["completion"] == [{"role": "assistant", "content": "<answer>1</answer>"}]
    assert dropped["messages"] == [*dropped["prompt"], *dropped["completion"]]


@pytest.mark.parametrize("view", [sft_view, rl_view])
def test_streamed_rows_are_those_in_memory(run: Path, view: Any) -> None:
    streamed, kept = view(str(run), streaming=True), view(str(run))
    assert list(streamed) == list(kept)
    assert list(streamed) == list(kept)  # a second pass begins anew


def test_rl_rows_have_the_typed_answer_and_no_completion(run: Path) -> None:
    first = rl_view(str(run))[0]
    assert first["gold"] == {"kind": "integer", "value": "0", "unit": None, "tolerance": None}
    assert first["source"] == "several"
    assert "completion" not in first
    assert sft_view(str(run), horizons=[2])["problem_id"] == ["s1", "s3"]


def test_preferences_pair_a_right_and_a_wrong_attempt_of_one_problem(tmp_path: Path) -> None:
    wrong = {"correctness": False, "suggested_use": "quarantine"}
    rows = [
        row("a", answer="5"), row("a", answer="6", **wrong), row("a", answer="7", **wrong),
        row("b", answer="8"), row("c", answer="9", **wrong), row("a", answer="5.0"),
        row("d", answer="1", suggested_use="test"), row("d", answer="2", **wrong),
        row("e", answer="1"), row("e", answer="2", **{**wrong, "correctness": None}),
    ]  # fmt: skip
    run = publish(tmp_path / "run", rows)
    once, all_of_them = preference_view(str(run)), preference_view(str(run), most_pairs=9, streaming=True)
    assert [(one["problem_id"], *contents(one)) for one in once] == [("a", "5", "6")]
    assert [contents(one) for one in all_of_them] == [("5", "6"), ("5.0", "7")]


def contents(pair: Any) -> tuple[str, str]:
    chosen, rejected = (pair[side][0]["content"].removeprefix("<answer>") for side in ("chosen", "rejected"))
    return chosen.removesuffix("</answer>"), rejected.removesuffix("</answer>")


def test_a_data_set_of_the_hub_is_read_through_datasets(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets` takes a folder for a data set of the hub, so the whole way is gone but for the network."""
    front = ["---", "configs:"]
    for use in ("sft", "rl", "test"):
        front += [f"- config_name: {use}", "  data_files:", "  - split: train", f"    path: data/{use}/*.parquet"]
    (run / "README.md").write_text("\n".join([*front, "---", ""]))
    monkeypatch.chdir(run.parent)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(run.parent / "cache"))
    monkeypatch.setattr("catena.trainers.views_rows.is_hub_id", lambda source: True)
    assert read_examples(str(run), use="rl") == read_examples(shard_paths([*map(str, run.glob("data/rl/*"))]), use="rl")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answer": "", "suggested_use": "rl"}, "without an answer"),
        ({"completion": [], "suggested_use": "sft"}, "without completion"),
    ],
)
def test_rows_that_cannot_be_trained_on_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    run = publish(tmp_path / "run", [row("a") | change])
    with pytest.raises(DatasetError, match=said):
        read_examples(str(run), use=change["suggested_use"])


def test_abstentions_are_taught_though_they_have_no_answer(tmp_path: Path) -> None:
    run = publish(tmp_path / "run", [row("a", missing="the rate") | {"answer": ""}])
    assert len(sft_view(str(run))) == 1


def test_places_without_published_rows_are_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    with pytest.raises(DatasetError, match="no such folder or shard"):
        shard_paths(str(tmp_path / "none" / "at" / "all"))
    with pytest.raises(DatasetError, match="holds no Parquet file"):
        shard_paths(str(tmp_path / "empty"))
    with pytest.raises(ShardError, match="schema version unknown"):
        rl_view(str(tmp_path / "other.parquet"))
    with pytest.raises(DatasetError, match="no row for use 'sft', style compact"):
        read_examples(str(run), use="sft", style="compact")
    with pytest.raises(DatasetError, match="accepted and a rejected attempt"):
        preference_view(str(run))
