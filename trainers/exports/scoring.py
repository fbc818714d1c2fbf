"""What the exported reward files call: the checker of a row on the text of a rollout.

    score('{"kind": "integer", "value": "70", "unit": null, "tolerance": null}', "... <answer>70</answer>").value == 1.0

Needs `orjson` (and `sympy` in the processes that compare algebra), no trainer. Works from threads, the deadline is that of a
process of its own. `value` is None where it cannot be told; `paid` is what a trainer is given that takes no None.
With the environment variable `CATENA_ROLLOUT_LOG`, rollouts of a schedule are appended to that file for `catena observe`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from catena.answers import Verdict, compare
from catena.process_worker import check_in_worker
from catena.puzzles import compare_puzzle
from catena.records import Answer
from catena.trainers.reward import REWARD_OF, Outcome, final_text

LOG_VARIABLE = "CATENA_ROLLOUT_LOG"


@dataclass(frozen=True, slots=True)
class Score:
    """What a rollout is worth: `value` in [0, 1], None where it cannot be told, and the verdict on its final answer."""

    value: float | None
    verdict: Verdict

    @property
    def paid(self) -> float:
        """The value, 0 where it cannot be told: only for trainers that have no way to leave a rollout out."""
        return 0.0 if self.value is None else self.value

    @property
    def figures(self) -> dict[str, float]:
        """Shares to be logged, the same keys for every rollout."""
        return {"unscorable": float(self.value is None), "unparsed": float(self.verdict == "unparsed")}


def score(
    verifier_args: str, completion: object, *, outcome: Outcome = "final", partial: float = 0.5, timeout_s: float = 2.0
) -> Score:
    """The score of one rollout.

    Args:
        verifier_args: The column of that name.
        completion: Text, or messages whose last one is the assistant's; untrusted. Anything else holds no answer.
        outcome: As `catena.trainers.reward.RewardSettings`; all but `final` need an export with `--graphs`.
        partial: What the steps can be worth with `partial`, in [0, 1).
        timeout_s: Seconds for a comparison, and for the check of the steps.

    Raises:
        ValueError: `verifier_args` is no such text; the row was not exported by Catena.
    """
    args = _read(verifier_args)
    text = _text(completion)
    if "puzzle" in args:
        verdict = compare_puzzle(args["puzzle"], text).verdict
    else:
        gold = Answer(args["kind"], args["value"], args["unit"], args["tolerance"])
        verdict = compare(gold, text, timeout_s=timeout_s).verdict
    value = REWARD_OF[verdict]
    if outcome != "final" and "graph" in args and value == float(outcome == "all-nodes"):
        value = _of_steps(args, text, outcome, partial, timeout_s)
    _log(args, value)
    return Score(value, verdict)


def _of_steps(args: Mapping[str, Any], text: str, outcome: Outcome, partial: float, timeout_s: float) -> float | None:
    steps = check_in_worker(args["graph"], args["question"], text, timeout_s=timeout_s)
    if steps is None:
        return None
    return partial * steps.coverage if outcome == "partial" else float(steps.coverage == 1.0)


@lru_cache(maxsize=4096)
def _read(verifier_args: str) -> Mapping[str, Any]:
    try:
        args = orjson.loads(verifier_args)
        missing = {"kind", "value", "unit", "tolerance"} - set(args)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"verifier_args is no JSON object ({error}); take the row as `catena export` wrote it"
        ) from error
    if missing or not isinstance(args, dict):
        raise ValueError(f"verifier_args lacks {sorted(missing)}; take the row as `catena export` wrote it")
    return args


def _text(completion: object) -> str:
    if isinstance(completion, str):
        return completion
    try:
        text: object = final_text(completion)  # type: ignore[arg-type]  # whatever a trainer hands over
    except (KeyError, IndexError, TypeError):
        return ""
    return text if isinstance(text, str) else ""


def _log(args: Mapping[str, Any], reward: float | None) -> None:
    """One write of one line, which no other process can come between on a local file system."""
    path, visit = os.environ.get(LOG_VARIABLE), args.get("visit")
    if not path or not visit:
        return
    line = {
        "schedule": visit["schedule"],
        "visit": visit["number"],
        "problem_id": visit["problem_id"],
        "reward": reward,
    }
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    finally:
        os.close(file)
