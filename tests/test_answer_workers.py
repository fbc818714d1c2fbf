"""The killable workers: deadlines, crashes, threads, forks and start-up."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from catena import answer_workers, answers
from catena.answer_workers import DeadlineExceeded, Worker, WorkerDied, WorkerPool

QUESTION = {"op": "same", "kind": "expression", "gold": "x^2+2x+1", "text": "(x+1)^2"}
ENDLESS = {"op": "evaluate", "text": r"\binom{987654321}{123456789}"}


@pytest.fixture(scope="module")
def pool():
    pool = WorkerPool()
    yield pool
    pool.close()


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_is_reused(pool):
    assert pool.ask(QUESTION, 5)["verdict"] == "equal"
    first = pool._idle[0].pid
    assert pool.ask(QUESTION, 5)["verdict"] == "equal"
    assert pool._idle[0].pid == first


def test_a_comparison_past_its_deadline_is_killed_and_the_next_one_is_answered(pool):
    pool.ask(QUESTION, 5)
    pid = pool._idle[0].pid
    started = time.monotonic()

    with pytest.raises(DeadlineExceeded):
        pool.ask(ENDLESS, 0.5)

    assert 0.4 < time.monotonic() - started < 1.5
    assert not is_running(pid)
    assert pool.ask(QUESTION, 0.5)["verdict"] == "equal"  # a deadline shorter than the start of a new worker


def test_a_worker_killed_while_idle_is_replaced(pool):
    pool.ask(QUESTION, 5)
    os.kill(pool._idle[0].pid, signal.SIGKILL)

    assert pool.ask(QUESTION, 5)["verdict"] == "equal"


def test_a_worker_that_crashes_in_a_comparison_is_reported_and_replaced(pool):
    pool.ask(QUESTION, 5)
    threading.Timer(0.3, os.kill, (pool._idle[0].pid, signal.SIGSEGV)).start()

    with pytest.raises(WorkerDied):
        pool.ask(ENDLESS, 5)
    assert pool.ask(QUESTION, 5)["verdict"] == "equal"


def test_an_exception_in_a_comparison_leaves_the_worker_alive(pool):
    assert pool.ask({"op": "nonsense"}, 5)["failed"].startswith("ValueError")
    assert pool._idle[0].is_alive()


def test_a_timeout_is_a_verdict_of_its_own():
    comparison = answers.compare("x+1", rf"<answer>{ENDLESS['text']}</answer>", timeout_s=0.3)

    assert comparison.verdict == "timeout"
    assert answers.compare("x+1", "<answer>1+x</answer>").verdict == "equal"


def test_threads_share_the_workers():
    verdicts = []
    threads = [
        threading.Thread(
            target=lambda n=n: verdicts.append(answers.compare(f"x+{n}", f"<answer>{n}+x</answer>").verdict)
        )
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert verdicts == ["equal"] * 8


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_daemonic_child_starts_its_own_worker_and_leaves_the_parents_alone():
    assert answers.compare("x+1", "<answer>1+x</answer>").verdict == "equal"
    worker = answer_workers._pool._idle[0].pid
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(
        target=lambda: results.put(answers.compare("x+2", "<answer>2+x</answer>").verdict), daemon=True
    )
    child.start()

    assert results.get(timeout=60) == "equal"
    child.join(10)
    assert answers.compare("x+3", "<answer>3+x</answer>").verdict == "equal"
    assert answer_workers._pool._idle[0].pid == worker


def test_no_worker_outlives_its_parent_even_when_that_is_killed():
    code = (
        "import os, signal; from catena import answer_workers, answers; answers.compare('x+1', '<answer>1+x</answer>');"
        "print(answer_workers._pool._idle[0].pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    pid = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert not is_running(pid)


def test_an_unguarded_script_read_from_stdin_can_compare():
    script = "from catena.answers import compare\nprint(compare('x+1', '<answer>1+x</answer>').verdict)\n"

    assert subprocess.run([sys.executable], input=script, capture_output=True, text=True).stdout == "equal\n"


def test_closing_ends_the_workers_and_a_later_comparison_starts_new_ones():
    answers.compare("x+1", "<answer>1+x</answer>")
    pid = answer_workers._pool._idle[0].pid
    answers.close()
    answers.close()

    assert not is_running(pid)
    assert answers.compare("x+1", "<answer>1+x</answer>").verdict == "equal"


def test_a_worker_is_limited_in_memory():
    worker = Worker()
    try:
        limits = Path(f"/proc/{worker.pid}/limits").read_text()
    finally:
        worker.kill()

    assert next(line for line in limits.splitlines() if line.startswith("Max address space")).split()[3] == str(2 << 30)


@pytest.mark.parametrize("size", [0, -1, 10_000])
def test_an_impossible_pool_size_is_refused(size):
    with pytest.raises(ValueError, match="pool size"):
        WorkerPool(size)


def test_a_larger_pool_answers_at_the_same_time():
    answer_workers.use_workers(min(2, os.cpu_count() or 1))
    try:
        test_threads_share_the_workers()
    finally:
        answer_workers.use_workers(1)
