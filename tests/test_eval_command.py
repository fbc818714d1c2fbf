"""`catena eval` for real: HTTP to a rehearsal server, the ledger, kills, faults, comparison, a model in this process."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from catena.engines.rehearsal.child import rehearsing
from catena.engines.rehearsal.settings import settings_from
from catena.flows.cli import main
from catena.ledger import open_ledger
from catena.pass_rates import Tally, read_pass_rates
from catena.trainers.evaluate_scores import pass_at_k
from tests.evaluation_rows import jsonl, sample, shard

PROBLEMS, SAMPLES = 24, 4
SETTINGS: dict[str, Any] = {"seed": 1, "model": {"reasoning_tokens": 20}}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A shard of two training rows and 24 held-out problems of horizons 1 to 3."""
    rows = [sample(f"p{i}", "test", 1 + i % 3) for i in range(PROBLEMS)]
    folder = tmp_path_factory.mktemp("data")
    jsonl(folder / "truth.jsonl", [{"question": row["question"], "answer": "7"} for row in rows])
    return shard(folder / "rows.parquet", sample("t1", "sft", 1), sample("t2", "rl", 2), *rows)


def settings(data: str, **more: Any) -> Any:
    return settings_from({**SETTINGS, "truth": str(Path(data).with_name("truth.jsonl")), **more})


@pytest.fixture(scope="module")
def url(data: str) -> Iterator[str]:
    with rehearsing(settings(data)) as server:
        yield server


def requests(url: str) -> int:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats", timeout=10) as answer:
        return int(json.load(answer)["requests"])


def kept_in(folder: Path) -> int:
    ledger = open_ledger(str(folder / "ledger.db"))
    try:
        return sum(1 for _ in ledger.entries())
    finally:
        ledger.close()


def evaluate(model: str, data: str, out: Path, *more: str) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    code = main(["eval", model, data, "--out", str(out), *more])
    return code, json.loads((out / "results.json").read_text()), pq.read_table(out / "verdicts.parquet").to_pylist()


@pytest.fixture(scope="module")
def finished(data: str, url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("eval")
    assert evaluate("m", data, out, "--endpoint", url, "--samples", str(SAMPLES), "--k", "1", "4")[0] == 0
    return out


def test_the_figures_are_those_of_the_verdicts(finished: Path) -> None:
    results = json.loads((finished / "results.json").read_text())
    right: Counter[str] = Counter()
    for row in pq.read_table(finished / "verdicts.parquet").to_pylist():
        right[row["problem_id"]] += row["verdict"] == "equal"
        assert (row["parsed"] == "7") == (row["verdict"] == "equal")
        assert f"<answer>{row['parsed']}" in row["text"]
    whole = results["groups"][0]
    for found in whole["pass_at"]:
        expected = sum(pass_at_k(SAMPLES, right[f"p{i}"], found["k"]) for i in range(PROBLEMS)) / PROBLEMS
        assert found["value"] == pytest.approx(expected)
    assert whole["decided"] == PROBLEMS * SAMPLES
    assert 0.2 < whole["pass_at"][0]["value"] < whole["pass_at"][1]["value"] < 1


def test_horizons_without_training_rows_are_marked(finished: Path) -> None:
    groups = json.loads((finished / "results.json").read_text())["groups"]
    marked = {group["name"]: group["held_out"] for group in groups if group["dimension"] == "horizon"}
    assert marked == {"1": False, "2": False, "3": True}


def test_the_page_stands_alone_and_escapes_what_it_shows(finished: Path, data: str, url: str, tmp_path: Path) -> None:
    page = (finished / "report.html").read_text()
    assert page.count("<circle") == sum(
        len(group["pass_at"])
        for group in json.loads((finished / "results.json").read_text())["groups"]
        if group["dimension"] in ("all", "horizon", "held out")
    )
    assert "<script" not in page
    evaluate("<b>m", data, tmp_path, "--endpoint", url, "--limit", "2")
    assert "<b>m" not in (tmp_path / "report.html").read_text()


def test_what_was_asked_is_never_asked_again_and_more_samples_ask_only_for_those(
    data: str, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = requests(url)
    _, first, _ = evaluate("n", data, tmp_path, "--endpoint", url, "--samples", "2")
    assert requests(url) - begin == first["requests"]["sent"] == 2 * PROBLEMS
    _, again, _ = evaluate("n", data, tmp_path, "--endpoint", url, "--samples", "2")
    assert (requests(url) - begin, again["requests"]["sent"], again["groups"]) == (2 * PROBLEMS, 0, first["groups"])
    evaluate("n", data, tmp_path, "--endpoint", url, "--samples", "3")
    assert requests(url) - begin == 3 * PROBLEMS
    assert "24 asked now, 48 from the ledger" in capsys.readouterr().out


def test_kill_9_in_the_middle_loses_nothing_and_repeats_only_what_was_in_flight(data: str, tmp_path: Path) -> None:
    in_flight = 3
    with rehearsing(settings(data, latency_s=0.05)) as url:
        given = ["eval", "m", data, "--endpoint", url, "--samples", "4", "--concurrency", str(in_flight)]
        command = [sys.executable, "-m", "catena.flows.cli", *given, "--out", str(tmp_path / "killed")]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while requests(url) < 30:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert not (tmp_path / "killed" / "results.json").exists()
        kept = kept_in(tmp_path / "killed")
        asked = requests(url)
        assert asked - in_flight <= kept < PROBLEMS * 4
        code, results, rows = evaluate("m", data, tmp_path / "killed", *given[3:])
        assert (code, results["requests"]["reused"], requests(url) - asked) == (0, kept, PROBLEMS * 4 - kept)
        assert rows == evaluate("m", data, tmp_path / "straight", *given[3:])[2]


def test_what_the_server_withholds_is_undecided_and_a_refusal_is_wrong(data: str, tmp_path: Path) -> None:
    with rehearsing(settings(data, model={"solve": 1.0}, faults={"filtered": 0.3})) as url:
        code, results, rows = evaluate("m", data, tmp_path / "a", "--endpoint", url, "--samples", "4")
        assert code == 3
        withheld = [row for row in rows if row["verdict"] == "failed"]
        assert {row["cause"] for row in withheld} == {"content_filter"}
        whole = results["groups"][0]
        assert (whole["undecided"], whole["pass_at"][0]["value"]) == (len(withheld), 1.0)
        assert results["requests"]["failed"] == {"content_filter": len(withheld)}
    with rehearsing(settings(data, model={"solve": 1.0}, faults={"refused": 0.3})) as url:
        code, results, rows = evaluate("m", data, tmp_path / "b", "--endpoint", url, "--samples", "4")
        assert code == 0
        assert {row["verdict"] for row in rows} == {"equal", "unparsed"}
        assert results["groups"][0]["undecided"] == 0


def test_truncated_completions_are_judged_as_they_stand_and_counted(data: str, tmp_path: Path) -> None:
    with rehearsing(settings(data, faults={"truncated": 0.5})) as url:
        code, results, rows = evaluate("m", data, tmp_path, "--endpoint", url)
        assert code == 0
        assert results["groups"][0]["truncated"] == sum(row["truncated"] for row in rows) > 3
        assert results["groups"][0]["undecided"] == 0
        asked = requests(url)
        evaluate("m", data, tmp_path, "--endpoint", url)
        assert requests(url) == asked


def test_two_evaluations_are_compared_problem_by_problem(
    finished: Path, data: str, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate("other", data, tmp_path / "b", "--endpoint", url, "--samples", "4")
    evaluate("m", data, tmp_path / "c", "--endpoint", url, "--limit", "5")
    capsys.readouterr()
    assert main(["eval", "--compare", str(finished), str(tmp_path / "b" / "results.json"), "--json"]) == 0
    tests = json.loads(capsys.readouterr().out)["tests"]
    second = json.loads((tmp_path / "b" / "results.json").read_text())["groups"][0]["pass_at"][0]["value"]
    assert tests[0]["second"] == pytest.approx(second)
    assert tests[0]["method"] == "permutation"
    assert main(["eval", "--compare", str(finished), str(tmp_path / "b")]) == 0
    assert "sign flips over problems" in capsys.readouterr().out
    assert main(["eval", "--compare", str(finished), str(tmp_path / "c")]) == 2
    assert "19 only in the first" in capsys.readouterr().err


def test_held_out_pass_rates_go_only_where_they_are_sent(data: str, url: str, tmp_path: Path) -> None:
    evaluate("m", data, tmp_path / "a", "--endpoint", url)
    assert not (tmp_path / "a" / "pass-rates").exists()
    rows: list[dict[str, Any]] = []
    for _ in range(2):
        _, _, rows = evaluate("m", data, tmp_path / "a", "--endpoint", url, "--pass-rates", str(tmp_path / "p"))
    rates = read_pass_rates(tmp_path / "p")
    assert rates.keys_of("source") == ()
    assert rates.tally("p0", "m") == Tally(
        sum(row["verdict"] == "equal" for row in rows if row["problem_id"] == "p0"), 1
    )
    (segment,) = (tmp_path / "p" / "pass-rates").iterdir()
    assert "not for curricula" in pq.read_table(segment).column("source")[0].as_py()
    (tmp_path / "run" / "data").mkdir(parents=True)
    (tmp_path / "run" / "data" / "manifest.json").write_text("{}")
    given = ["--endpoint", url, "--out", str(tmp_path / "a"), "--pass-rates", str(tmp_path / "run")]
    assert main(["eval", "m", data, *given]) == 2


def test_a_key_reaches_the_server_and_no_file(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-not-a-real-key-9876543210"
    monkeypatch.setenv("EVAL_KEY", key)
    with rehearsing(settings(data, key="env:EVAL_KEY")) as url:
        assert main(["eval", "m", data, "--out", str(tmp_path / "without"), "--endpoint", url]) == 4
        assert evaluate("m", data, tmp_path / "with", "--endpoint", url, "--key", "env:EVAL_KEY")[0] == 0
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or key.encode() not in path.read_bytes(), path


def test_the_budget_stops_it_and_more_budget_goes_on(
    data: str, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["eval", "budget", data, "--endpoint", url, "--max-tokens", "500", "--out", str(tmp_path)]
    assert main([*given, "--budget-tokens", "1200"]) == 4
    assert "raise --budget-tokens to go on" in capsys.readouterr().err
    assert main([*given, "--budget-tokens", "100000"]) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert 0 < results["requests"]["reused"] < PROBLEMS
    assert results["requests"]["reused"] + results["requests"]["sent"] == PROBLEMS


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["m"], "needs MODEL and DATA"),
        (["m", "DATA", "--greedy", "--k", "4"], "--greedy draws 1"),
        (["m", "DATA", "--samples", "0"], "expected at least 1"),
        (["m", "DATA", "--endpoint", "http://127.0.0.1:9/v1", "--engine", "vllm"], "leave one of them out"),
        (["m", "DATA", "--key", "sk-123"], "a key itself is refused"),
        (["m", "DATA", "--budget", "3"], "needs --price"),
        (["m", "DATA", "--temperature", "0"], "--greedy stands for 0"),
        (["m", "DATA", "--option", "x"], "write it as NAME=VALUE"),
        (["m", "DATA", "--use", "rl", "--limit", "-1"], "expected at least 1 problem"),
        (["m", "nowhere.jsonl"], "cannot be opened"),
        (["m", "DATA", "--format", "gsm8k", "--endpoint", "http://127.0.0.1:9/v1"], "the answer ends without"),
        (["m", "DATA", "--trained-on", "nowhere"], "no published rows for training"),
        (["--compare", "a.json", "b.json"], "cannot be read"),
    ],
)
def test_wrong_input_is_one_sentence_before_anything_is_asked(
    given: list[str],
    said: str,
    data: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["eval", *[data if one == "DATA" else one for one in given]]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not list(tmp_path.rglob("ledger*"))


def test_a_folder_with_another_evaluation_is_refused(finished: Path, data: str, url: str) -> None:
    assert main(["eval", "another", data, "--endpoint", url, "--out", str(finished)]) == 2
    assert main(["eval", "m", data, "--endpoint", url, "--out", str(finished), "--greedy"]) == 2


def test_multiple_choice_goes_over_http(tmp_path: Path, data: str) -> None:
    rows = [
        {"question": f"Which is {i}?", "choices": [f"x{i}", f"y{i}", f"z{i}"], "answer": i % 3, "topic": "t"}
        for i in range(12)
    ]
    source = jsonl(tmp_path / "choice.jsonl", rows)
    with rehearsing(settings_from(SETTINGS)) as url:
        code, results, verdicts = evaluate(
            "m", source, tmp_path / "out", "--endpoint", url, "--choices", "choices", "--subject", "topic"
        )
    assert (code, results["groups"][0]["decided"]) == (0, 12)
    assert {row["gold"] for row in verdicts} <= {"A", "B", "C"}
    assert {row["subject"] for row in verdicts} == {"t"}


def test_a_model_folder_is_evaluated_in_this_process(data: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from catena.trainers.student import StudentSettings, make_student

    tiny = StudentSettings(hidden_size=16, num_layers=1, num_heads=2, num_key_value_heads=2, intermediate_size=32)
    make_student(tmp_path / "student", seed=1, settings=tiny)
    given = (str(tmp_path / "student"), data, tmp_path / "out", "--greedy", "--max-tokens", "5", "--limit", "4")
    code, results, rows = evaluate(*given)
    assert (code, results["groups"][0]["decided"], len(rows)) == (0, 4, 4)
    assert results["groups"][0]["truncated"] + results["groups"][0]["unparsed"] > 0
    again = evaluate(*given)[1]
    assert (again["requests"]["sent"], again["groups"]) == (0, results["groups"])
