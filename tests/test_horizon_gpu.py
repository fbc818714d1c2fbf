"""The study's one file for a GPU: it holds today's curricula, reads Catena's rows, and goes on after a kill."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from benchmarks.horizon import bundle, gpu  # noqa: E402
from catena.answers import compare  # noqa: E402
from catena.pass_rates import Tally  # noqa: E402
from catena.records import Answer  # noqa: E402
from catena.shards import read_manifest, read_rows  # noqa: E402
from catena.storage import Store  # noqa: E402
from catena.trainers import curricula  # noqa: E402
from catena.trainers.curriculum import Group  # noqa: E402

FILE = Path(gpu.__file__)
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
PROBLEMS = {h: [f"h{h}-{i}" for i in range(30)] for h in (2, 3, 4)}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # many small operations: threads only wait for each other
    yield
    torch.set_num_threads(before)


def test_the_file_holds_the_curricula_and_tables_of_today() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert bundle.bundled(text) == text
    assert bundle.bundled(text.replace("class GatedCurriculum", "class Gated")) == text


@pytest.mark.parametrize("name", curricula.NAMES)
def test_the_copy_chooses_the_same_visits_and_keeps_the_same_state(name: str) -> None:
    known = {"h2-1": Tally(3, 4)}
    own = curricula.make_curriculum(PROBLEMS, curricula.CurriculumSettings(name), known=known, seed=11)
    copied = {key: gpu.Tally(tally.accepted, tally.decided) for key, tally in known.items()}
    copy = gpu.make_curriculum(PROBLEMS, gpu.CurriculumSettings(name), known=copied, seed=11)
    rng = random.Random(name)
    for _ in range(12):
        visits = own.next(24)
        assert copy.next(24) == visits
        rewards = [tuple(float(rng.random() < 1.2 / int(visit[1])) for _ in range(4)) for visit in visits]
        own.observe([Group(visit, given) for visit, given in zip(visits, rewards, strict=True)])
        copy.observe([gpu.Group(visit, given) for visit, given in zip(visits, rewards, strict=True)])
        assert copy.state_dict() == own.state_dict()


def test_the_file_needs_nothing_but_torch(tmp_path: Path) -> None:
    (tmp_path / "gpu.py").write_bytes(FILE.read_bytes())
    code = (
        "import sys; import torch; before = {name.split('.')[0] for name in sys.modules}; import gpu;"
        "new = {name.split('.')[0] for name in sys.modules} - before - {'gpu'};"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout == "[]\n"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows") / "run"
    command = [sys.executable, "-m", "catena.flows.cli", "compose", "--out", str(folder), "--count", "30"]
    options = ["--topics", "mathematics/arithmetic", "--shape", "serial", "--horizon", "2-4", "--test", "0.3"]
    subprocess.run([*command, *options, "--processes", "1", "--quiet"], check=True)
    return folder


def test_exported_rows_come_back_and_the_students_words_spell_them(run_folder: Path, tmp_path: Path) -> None:
    counts = bundle.export_rows(run_folder, tmp_path / "rows.jsonl.gz")
    corpus = gpu.read_corpus(tmp_path / "rows.jsonl.gz")
    assert {use: len(rows) for use, rows in corpus.rows.items() if rows} == counts
    assert counts.total() == 30
    for row in corpus.rows["sft"]:
        prompt, completion = corpus.tokens(row)
        assert corpus.decode(completion) == row.completion
        assert corpus.decode(prompt[1:-1]) == row.prompt
        assert (prompt[0], prompt[-1], completion[-1]) == (gpu.USER, gpu.ASSISTANT, gpu.EOS)
    bundle.export_rows(run_folder, tmp_path / "again.jsonl.gz")
    assert (tmp_path / "again.jsonl.gz").read_bytes() == (tmp_path / "rows.jsonl.gz").read_bytes()


def test_catena_agrees_with_every_answer_that_the_file_would_pay(run_folder: Path) -> None:
    store = Store(str(run_folder))
    shards = [store.full(shard.path) for shard in read_manifest(store, "data/manifest.json")]
    for row in read_rows(shards).to_pylist():
        gold = Answer(row["answer_type"], row["answer"], row["answer_unit"], row["answer_tolerance"])
        text = row["completion"][-1]["content"]
        final = gpu.final_answer(text)
        assert final is not None
        assert compare(gold, f"<answer>{final}</answer>").verdict == "equal"
        assert gpu.final_answer(text.replace("</answer>", "9</answer>")) != final
        assert gpu.final_answer(text.replace("</answer>", "")) is None


def test_rows_that_cannot_be_read_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(gpu.RecipeError, match="no such file"):
        gpu.read_corpus(tmp_path / "rows.jsonl.gz")
    with gzip.open(tmp_path / "rows.jsonl.gz", "wt") as file:
        file.write('{"id": "a", "horizon": 1, "use": "sft", "prompt": "?", "completion": "4"}\n')
    with pytest.raises(gpu.RecipeError, match=r"rows.jsonl.gz:1: .* no <answer>"):
        gpu.read_corpus(tmp_path / "rows.jsonl.gz")


def bench(out: Path) -> gpu.Bench:
    return gpu.Bench(gpu.SMOKE, gpu.toy_corpus(), torch.device("cpu"), out, gpu.Clock(60, 0))


def test_cached_sampling_has_the_probabilities_of_the_whole_forward_pass(tmp_path: Path) -> None:
    job = gpu.Job(bench(tmp_path), 0, gpu.START)
    prompts = [list(job.bench.corpus.tokens(row)[0]) for row in job.bench.corpus.rows["test"][::25]]
    rollouts = gpu.sample(job.student, prompts, [1 + 60 * (i % 2) for i in range(len(prompts))], seed=3, slots=100)
    assert {rollout.cut for rollout in rollouts} == {True, False}
    for prompt, rollout in zip(prompts, rollouts, strict=True):
        ids = torch.tensor([[*prompt, *rollout.tokens]])
        with torch.no_grad():
            logprobs = job.student.logits(job.student(ids))[0, len(prompt) - 1 : -1].log_softmax(-1)
        expected = logprobs.gather(1, torch.tensor(rollout.tokens)[:, None])[:, 0]
        assert torch.allclose(expected, torch.tensor(rollout.logprobs), atol=1e-4)
        assert rollout.cut == (rollout.tokens[-1] not in (gpu.EOS, gpu.PAD))


def test_sampling_in_mixed_precision_stays_near_the_whole_forward_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "_autocast", lambda device: torch.autocast(device.type, torch.bfloat16))
    job = gpu.Job(bench(tmp_path), 0, gpu.START)
    prompts = [list(job.bench.corpus.tokens(row)[0]) for row in job.bench.corpus.rows["test"][::25]]
    rollouts = gpu.sample(job.student, prompts, [20] * len(prompts), seed=3, slots=100)
    figures = gpu.policy_step(job, prompts, rollouts, [1.0] * len(prompts))
    assert 0 < figures["ratio_off"] < 0.01


def test_a_policy_step_raises_what_was_better_than_its_group(tmp_path: Path) -> None:
    job = gpu.Job(bench(tmp_path), 0, gpu.START)
    prompt, two = [gpu.USER, 7, 8, gpu.ASSISTANT], [[9, 10, gpu.EOS], [11, gpu.EOS]]

    def chances() -> list[float]:
        with torch.no_grad():
            found = [gpu._predict(job, [(prompt, tokens)]) for tokens in two]
        return [float(logits.log_softmax(-1).gather(1, ids[:, None]).sum()) for logits, ids in found]

    before = chances()
    rollouts = [gpu.Rollout(tokens, [before[i] / len(tokens)] * len(tokens), False) for i, tokens in enumerate(two)]
    gpu._set_rate(job, 1e-3)
    figures = gpu.policy_step(job, [prompt, prompt], rollouts, [0.5, -0.5])
    after = chances()
    assert figures["grad_norm"] > 0
    assert after[0] - before[0] > 0 > after[1] - before[1]


def test_prompts_and_rollouts_are_what_an_arm_pays_for(tmp_path: Path) -> None:
    job = gpu.Job(bench(tmp_path), 0, gpu.START)
    row = job.bench.corpus.rows["rl"][0]
    (group,) = gpu.rl_step(job, [row.row_id])
    line = json.loads((tmp_path / "0" / "start.log.jsonl").read_text())
    assert len(group.rewards) == gpu.SMOKE.rollouts
    assert job.state.tokens == gpu.SMOKE.rollouts * len(job.bench.corpus.tokens(row)[0]) + line["generated_tokens"]


def test_sft_visits_hold_the_weights_of_the_stages_and_do_not_depend_on_the_call() -> None:
    corpus = gpu.toy_corpus()
    plan = [[row.row_id for row in rows] for rows, _ in gpu.plan_sft(corpus, gpu.SMOKE, 0, None)]
    assert plan == [[row.row_id for row in rows] for rows, _ in gpu.plan_sft(corpus, gpu.SMOKE, 0, None)]
    late = [corpus.by_id[one].horizon for rows in plan[30:] for one in rows]
    assert [round(late.count(h) / len(late), 2) for h in range(1, 7)] == [0.22, 0.22, 0.22, 0.11, 0.11, 0.11]
    control = list(gpu.plan_sft(corpus, gpu.SMOKE, 1, 2_000))
    tokens = [sum(len(part) for row in rows for part in corpus.tokens(row)) for rows, _ in control]
    assert sum(tokens[:-1]) < 2_000 <= sum(tokens)


def command(out: Path, *options: str) -> list[str]:
    return [sys.executable, str(FILE), "--cpu-smoke", "--out", str(out), "--seeds", "0", *options]


def call(out: Path, *options: str) -> str:
    return subprocess.run(command(out, *options), check=True, capture_output=True, text=True, env=ONE_THREAD).stdout


def kill_when(sign: Path, *options: str) -> None:
    out = sign.parent.parent
    with subprocess.Popen(command(out, *options), env=ONE_THREAD, stdout=subprocess.DEVNULL) as process:
        while not sign.exists():
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)


def kept(out: Path, arms: Sequence[str]) -> dict[str, Any]:
    """Results and logs, without the times."""
    found: dict[str, Any] = {}
    timed = {"wall_s", "generate_s", "train_s", "new"}
    for arm in arms:
        lines = [(out / "0" / f"{arm}.json").read_text(), *(out / "0" / f"{arm}.log.jsonl").read_text().splitlines()]
        found[arm] = [{key: value for key, value in json.loads(line).items() if key not in timed} for line in lines]
    return found


@pytest.mark.slow
def test_killed_and_interrupted_calls_end_where_one_call_does(tmp_path: Path) -> None:
    straight, killed, arms = tmp_path / "straight", tmp_path / "killed", ("gate", "sft")
    assert "all is finished" in call(straight)
    assert {path.stem for path in (straight / "0").glob("*.json")} == {gpu.START, *gpu.ARMS}
    for sign in ("start.pt", "gate.pt"):
        kill_when(killed / "0" / sign, "--arms", *arms)
    assert not (killed / "0" / "gate.json").exists()
    assert "not finished" in call(killed, "--minutes", "0.02", "--arms", *arms)
    assert "all is finished" in call(killed, "--arms", *arms)
    assert kept(killed, (gpu.START, *arms)) == kept(straight, (gpu.START, *arms))
    weights = [torch.load(out / "0" / "start.model.pt")["model"] for out in (killed, straight)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[1])
    assert "best baseline" in call(straight, "--table")
    assert "left nothing" in call(straight, "--plan")
