"""The exported reward files, imported as a trainer imports them and called on right, wrong and hostile answers."""

import asyncio
import importlib.util
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from catena.graphs import graph_text
from catena.records import Problem
from catena.trainers.exports.scoring import LOG_VARIABLE, score
from tests.test_export import PUZZLE, export, mixed, rows_of

GOLD = json.dumps({"kind": "integer", "value": "70", "unit": None, "tolerance": None})
ALGEBRA = json.dumps({"kind": "expression", "value": "x^2+2*x+1", "unit": None, "tolerance": None})
ANSWERS = {
    "<answer>70</answer>": 1.0,
    "so it is <answer>70.0</answer>": 1.0,
    "<answer>71</answer>": 0.0,
    "": 0.0,
    "<answer>": 0.0,
    "<answer></answer>": 0.0,
    "70 or 71": 0.0,
    "<answer>70, 71</answer>": 0.0,
    "<answer>__import__('os').system('touch /tmp/never')</answer>": 0.0,
    "(" * 30_000: 0.0,
    "\x00\ud800": 0.0,
}
Paid = Callable[[str, str], float | None]


def module_of(out: Path, name: str = "catena_reward") -> Any:
    spec = importlib.util.spec_from_file_location(f"{name}_{out.name.replace('-', '_')}", out / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("exports")
    source = mixed(folder / "run")
    names = ("trl", "verl", "openrlhf", "slime", "skyrl", "nemo-rl", "prime-rl")
    for name in names:
        assert export(source, folder / name, "--to", name) == 0
    return {name: module_of(folder / name) for name in names}


def callers(modules: dict[str, Any]) -> dict[str, Paid]:
    """Each trainer's own call, as its source makes it."""

    def openrlhf(args: str, text: str) -> float:
        prompt = "<|im_start|>user\nSay <answer>70</answer>.<|im_end|>\n"
        found = modules["openrlhf"].reward_func([prompt + text + "<|im_end|>"], [prompt], [args])
        return float(found["rewards"][0])

    def slime(args: str, text: str) -> float:
        one = SimpleNamespace(metadata={"verifier_args": args}, response=text, remove_sample=False)
        return float(asyncio.run(modules["slime"].reward(None, one)))

    return {
        "trl": lambda args, text: modules["trl"].correctness([[{"role": "assistant", "content": text}]], [args])[0],
        "verl": lambda args, text: modules["verl"].compute_score("s", text, "70", {"verifier_args": args}, more=1)[
            "score"
        ],
        "openrlhf": openrlhf,
        "slime": slime,
        "skyrl": lambda args, text: modules["skyrl"].reward({"extra_info": {"verifier_args": args}}, text)[0],
        "nemo-rl": lambda args, text: (
            modules["nemo-rl"].rewards([[{"role": "assistant", "content": text}]], [{"ground_truth": args}])[0].paid
        ),
        "prime-rl": lambda args, text: modules["prime-rl"].reward(args, text),
    }


def test_every_reward_pays_what_is_right_and_nothing_else(modules: dict[str, Any]) -> None:
    for name, paid in callers(modules).items():
        assert {text: paid(GOLD, text) for text in ANSWERS} == ANSWERS, name


def test_every_reward_checks_a_puzzle_by_its_own_rules(modules: dict[str, Any]) -> None:
    args = json.dumps(json.loads(GOLD) | {"kind": "string", "value": "", "puzzle": PUZZLE})
    for name, paid in callers(modules).items():
        right = [paid(args, f"<answer>{text}</answer>") for text in ("(25 - 5) + 3 + 7", "25 - 5 + 7 + 3")]
        assert right == [1.0, 1.0], name
        assert [paid(args, f"<answer>{text}</answer>") for text in ("30", "25 + 5", "exit()")] == [0.0] * 3, name


def test_rewards_hold_from_many_threads_where_signals_do_not_work(modules: dict[str, Any]) -> None:
    paid = callers(modules)["verl"]
    with ThreadPoolExecutor(8) as threads:
        texts = ["<answer>(x+1)^2</answer>", "<answer>(x+2)^2</answer>"] * 8
        assert list(threads.map(lambda text: paid(ALGEBRA, text), texts)) == [1.0, 0.0] * 8


def test_what_cannot_be_told_is_handled_as_each_trainer_can(modules: dict[str, Any]) -> None:
    broken = json.dumps({"kind": "expression", "value": "(((", "unit": None, "tolerance": None})
    text = "<answer>x</answer>"
    assert score(broken, text).value is None
    assert modules["trl"].correctness([text], [broken]) == [None]
    assert modules["verl"].compute_score("s", text, "", {"verifier_args": broken}) == {
        "score": 0.0, "acc": 0.0, "unscorable": 1.0, "unparsed": 0.0,
    }  # fmt: skip
    one = SimpleNamespace(metadata={"verifier_args": broken}, response=text, remove_sample=False)
    assert asyncio.run(modules["slime"].reward(None, [one])) == [0.0]
    assert one.remove_sample
    with pytest.raises(RuntimeError, match="could not be scored"):
        modules["prime-rl"].reward(broken, text)


def test_an_answer_in_the_prompt_is_not_paid_by_openrlhf(modules: dict[str, Any]) -> None:
    prompt = "Copy nothing. <answer>70</answer>"
    rewards = modules["openrlhf"].reward_func
    assert rewards([prompt + " no idea"], [prompt], [GOLD])["rewards"].tolist() == [0.0]
    cut = rewards([prompt[9:] + "<answer>70</answer>"], [prompt], [GOLD])
    assert (cut["rewards"].tolist(), cut["extra_logs"]["unscorable"].tolist()) == ([0.0], [1.0])


def test_verl_rows_of_another_data_set_are_refused_by_name(modules: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="'openai/gsm8k' without extra_info"):
        modules["verl"].compute_score("openai/gsm8k", "70", "70", {"index": 0})


@pytest.mark.parametrize("completion", [None, 3, [], [{"role": "assistant"}], [{"content": None}], [[]]])
def test_what_is_no_text_holds_no_answer(completion: object) -> None:
    assert score(GOLD, completion).value == 0.0


@pytest.mark.parametrize("args", ["", "{}", "[]", "no json", '{"kind": "integer"}', "null"])
def test_what_is_no_checker_of_ours_is_refused(args: str) -> None:
    with pytest.raises(ValueError, match="catena export"):
        score(args, "70")


def test_rollouts_of_a_schedule_are_logged_and_others_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = {"schedule": "s", "number": 2, "problem_id": "p"}
    args = json.dumps(json.loads(GOLD) | {"visit": visit})
    monkeypatch.setenv(LOG_VARIABLE, str(tmp_path / "log.jsonl"))
    score(GOLD, "<answer>70</answer>")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: score(args, f"<answer>{70 + number % 2}</answer>"), range(40)))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 40
    assert sum(line.pop("reward") for line in lines) == 20
    assert all(line == {"schedule": "s", "visit": 2, "problem_id": "p"} for line in lines)


def test_the_solution_of_every_exported_row_is_paid(tmp_path: Path) -> None:
    source = mixed(tmp_path / "run")
    export(source, tmp_path / "rl", "--to", "trl", "--rows", "sft", "--split", "train")
    export(source, tmp_path / "sft", "--to", "trl", "--use", "sft", "--split", "train")
    for rl, sft in zip(rows_of(tmp_path / "rl"), rows_of(tmp_path / "sft"), strict=True):
        assert score(rl["verifier_args"], sft["completion"]).value == 1.0


def test_steps_are_paid_where_the_row_carries_its_graph(problems: list[Problem]) -> None:
    problem = next(one for one in problems if one.horizon == 3 and not one.graph.asked)
    args = asdict(problem.answer) | {"graph": graph_text(problem.graph), "question": problem.statement}
    text, right, wrong = json.dumps(args), f"<answer>{problem.answer}</answer>", "<answer>-1</answer>"
    paid = [score(text, said, outcome="all-nodes").value for said in (f"{problem.solution}\n{right}", right, wrong)]
    assert paid == [1.0, 0.0, 0.0]
    paid = [score(text, said, outcome="partial").value for said in (right, f"{problem.solution}\n{wrong}", wrong)]
    assert paid[0] == 1.0
    assert paid[2] == 0.0
    assert 0.0 < (paid[1] or 0.0) <= 0.5
