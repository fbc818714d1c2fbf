"""Items of reasoning-gym: which tasks can be what, items made again, answers compared, and scorers behind walls."""

import importlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from catena import gym_scoring
from catena.answers import compare
from catena.errors import DatasetError
from catena.flows.job import Refused, by_reason
from catena.flows.rows import drafts_of_rows
from catena.generators.item_source import ItemSource
from catena.generators.plain_rows import Refusal
from catena.generators.reasoning_gym import GymSource, confirms, generate, item_source, rows, sources
from catena.generators.reasoning_gym_tasks import chosen, count_uses, tasks
from catena.generators.row_sources import read_rows
from catena.generators.sources import prepare
from catena.gym_scoring import ALPHABETS, Scored, score, walls
from catena.items import Generated, ItemProgram
from catena.values import typed

COMPARED = [task.name for task in tasks().values() if task.check == "compare" and task.use != "refused"]
SCORED = [task.name for task in tasks().values() if task.check == "scorer" and task.use != "refused"]
SEED = 77


def near_miss(answer: str) -> str:
    """The answer with its last digit or letter changed."""
    for at in range(len(answer) - 1, -1, -1):
        if answer[at].isdigit():
            return f"{answer[:at]}{(int(answer[at]) + 1) % 10}{answer[at + 1 :]}"
        if answer[at].isalpha():
            return f"{answer[:at]}{'c' if answer[at].lower() == 'b' else 'b'}{answer[at + 1 :]}"
    return answer[::-1] + "x"


def test_every_task_of_the_package_is_in_one_class() -> None:
    known = importlib.import_module("reasoning_gym.factory").DATASETS
    assert set(tasks()) == set(known) - {"composite"}
    assert count_uses() == {"node": 9, "root": 7, "plain": 76, "refused": 13}
    assert all(task.why for task in tasks().values())


@pytest.mark.parametrize("name", COMPARED)
def test_the_oracles_answer_is_accepted_after_json_and_a_near_miss_rejected(name: str) -> None:
    source = next(
        one
        for one in (item_source(tasks()[name], Generated(name, {}, SEED, index)) for index in range(20))
        if isinstance(one, ItemSource)
    )
    program = ItemProgram.from_text(json.loads(json.dumps(source.program_text)))
    oracle = generate(program.generated).answer  # type: ignore[arg-type]
    gold = typed(program.answer, program.kind)
    assert compare(gold, f"<answer>{oracle}</answer>").verdict == "equal"
    wrong = compare(gold, f"<answer>{near_miss(oracle)}</answer>")
    assert wrong.verdict in ("different", "unparsed")


@pytest.mark.parametrize("name", SCORED)
def test_a_scorer_accepts_the_oracle_in_its_own_process_and_rejects_an_empty_reply(name: str) -> None:
    oracle = generate(Generated(name, {}, SEED, 0)).answer
    assert score(name, oracle, seed=SEED, index=0).correct is True
    empty = score(name, "", seed=SEED, index=0)
    assert empty.correct is not True
    assert empty.raw is None or empty.raw < 1.0


def test_another_right_answer_than_the_oracles_is_accepted() -> None:
    item = generate(Generated("fraction_simplification", {}, SEED, 3))
    top, bottom = item.metadata["simplified_numerator"], item.metadata["simplified_denominator"]
    assert score("fraction_simplification", f"{top}/{bottom}", seed=SEED, index=3) == Scored(True, 1.0)
    assert score("fraction_simplification", f"{2 * top}/{2 * bottom}", seed=SEED, index=3).correct is False


@pytest.mark.parametrize("task", sorted(ALPHABETS))
def test_a_scorer_that_executes_text_is_not_given_code(task: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for text in (f"__import__('os').system('touch {canary}')", f"[open('{canary}', 'w')]", "x.__class__", "exit(0)"):
        assert score(task, text, seed=SEED, index=0) == Scored(None, None, "not of the form that this scorer is given")
    assert not canary.exists()


def test_code_that_reaches_a_scorer_finds_no_way_to_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    canary = tmp_path / "canary"
    text = f"[open('{canary}', 'w').write('x'), __import__('os').system('touch {canary}')]"
    request = {"op": "score", "task": "spiral_matrix", "config": {}, "seed": SEED, "index": 0, "answer": text}
    assert gym_scoring._pool.ask(request, 10.0)["score"] < 1.0
    assert "limits" in walls()
    assert not canary.exists() or ("files" not in walls() and canary.stat().st_size == 0)


ATTEMPTS = """
import os, socket, subprocess, sys
from catena.gym_worker import lock_down
listener, folder = int(sys.argv[1]), sys.argv[2]
walls = lock_down()
def fails(attempt):
    try:
        attempt()
    except OSError:
        return True
    return False
held = {
    "files": fails(lambda: os.mkdir(folder + "/new")) and fails(lambda: os.remove(folder + "/old")) and fails(lambda: os.execv("/bin/true", ["true"])),
    "network": fails(lambda: socket.create_connection(("127.0.0.1", listener), 2)),
    "signals": fails(lambda: os.kill(os.getppid(), 0)),
}
print([wall for wall in walls if wall in held and not held[wall]])
"""


def test_every_wall_that_is_named_stands(tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        command = [sys.executable, "-c", ATTEMPTS, port, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr


def test_a_score_that_takes_too_long_is_none_and_the_next_one_is_given() -> None:
    slow = score("intermediate_integration", "x**9999*(x+1)**999*sin(x)**99", seed=SEED, index=0, timeout_s=1.0)
    assert slow.correct is not True
    assert score("jugs", generate(Generated("jugs", {}, SEED, 0)).answer, seed=SEED, index=0).correct is True
    with pytest.raises(ValueError, match="timeout_s must be positive"):
        score("jugs", "", seed=SEED, index=0, timeout_s=0)


def test_items_follow_from_their_reference_alone_and_another_answer_is_noticed() -> None:
    source = GymSource(("gcd", "chain_sum"), items=4, seed=5)
    first = [read.to_record() for _, read in sources(source) if isinstance(read, ItemSource)]
    again = [read.to_record() for _, read in sources(GymSource.of(source.address)) if isinstance(read, ItemSource)]
    assert first == again
    program = ItemSource.from_record(first[0]).program
    assert confirms(program)
    forged = ItemProgram(program.row, 12_345, program.kind, program.stated, program.decided, "", program.generated)
    assert not confirms(forged)


def test_nodes_take_links_and_roots_do_not() -> None:
    every = GymSource(tuple(task.name for task in chosen("all", ("node", "root"))), items=5, seed=1)
    for name, read in sources(every):
        if not isinstance(read, ItemSource):
            continue
        task = tasks()[name.split("/")[1]]
        prepared = prepare(read)
        assert task.use == "node" or not prepared.links
        assert set(read.program.decided.values()) <= {"rule", "annotation"}


def test_a_number_is_not_essential_where_the_others_settle_the_answer() -> None:
    for index in range(40):
        read = item_source(tasks()["gcd"], Generated("gcd", {"min_numbers": 3, "max_numbers": 3}, SEED, index))
        if isinstance(read, ItemSource):
            assert isinstance(read.program.answer, int)
            assert read.program.answer >= 3
            assert len(read.program.stated) == 3  # of the others at least 3 divides both


def test_plain_rows_say_how_they_are_made_again_and_who_checks_them() -> None:
    (_, one), (_, other) = rows(GymSource(("countdown", "gcd"), items=1, seed=2))
    assert (one["check"], other["check"]) == ("scorer", "compare")
    made = Generated(one["task"], one["config"], one["seed"], one["index"])
    assert generate(made).question == one["question"]
    json.dumps([one, other])


def test_a_pipeline_gets_rows_that_can_be_compared_and_the_others_are_counted() -> None:
    refused: list[Refused] = []
    source = GymSource(("countdown", "bitwise_arithmetic", "gsm_symbolic"), items=2, seed=2)
    layout = {"format": "reasoning-gym", "question": "question", "answer": "answer"}
    drafts = list(drafts_of_rows(read_rows(source.address), "gym", layout, refused))
    assert [draft.answer.kind for draft in drafts if draft.answer] == ["string", "integer"] * 2
    assert {draft.columns["task"] for draft in drafts} == {"bitwise_arithmetic", "gsm_symbolic"}
    assert by_reason(refused) == {"only its own scorer can tell": 2}


def test_a_task_that_can_only_be_a_row_by_itself_is_counted_and_all_takes_those_for_graphs() -> None:
    named = [read for _, read in sources(GymSource(("countdown", "maze", "lcm"), items=1))]
    assert [read.reason for read in named if isinstance(read, Refusal)] == ["plain row only"] * 2
    every = {name.split("/")[1] for name, _ in sources(GymSource("all", items=1))}
    assert every == {task.name for task in tasks().values() if task.use in ("node", "root")}


def test_what_is_refused_or_unknown_is_said_in_one_sentence() -> None:
    with pytest.raises(DatasetError, match=r"'acre' is refused \(an item depends on the size of the data set\)"):
        GymSource(("acre",))
    with pytest.raises(DatasetError, match="there is no task 'gdc'; the known ones are ab, "):
        GymSource(("gdc",))
    with pytest.raises(DatasetError, match="settings are given for 'lcm', which is not among"):
        GymSource(("gcd",), config={"lcm": {}})
    with pytest.raises(DatasetError, match=r"task 'gcd' makes no item 0 with the settings .'no_such': 1"):
        next(sources(GymSource(("gcd",), config={"gcd": {"no_such": 1}})))


@pytest.mark.slow
def test_items_are_the_same_in_processes_that_hash_strings_differently() -> None:
    names = [task.name for task in chosen("all", ("node", "root"))]
    code = (
        "from catena.generators.reasoning_gym import GymSource, rows\n"
        f"print([row['question'] + row['answer'] for _, row in rows(GymSource({tuple(names)!r}, items=3, seed=9))])"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
