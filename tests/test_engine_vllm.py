"""With vLLM itself, which has an environment of its own: `make test-vllm`."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

import orjson
import psutil
import pytest
from jsonschema import Draft202012Validator  # pyright: ignore[reportMissingModuleSource]

from catena.engines.base import Completion, Engine, JsonSchema, Request, Sampling, Usage
from catena.engines.models import ModelSpec, open_engine
from catena.errors import EngineError, RunStopped, UserError
from catena.records import Turn
from tests.tiny_model import make_tiny_model

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed here: make test-vllm"),
]

CONTEXT = 16_384
COMPACT = {"backend": "xgrammar", "disable_any_whitespace": True}  # or a random model may write spaces without end
OPTIONS = {
    "dtype": "float32",
    "max_model_len": CONTEXT,
    "enforce_eager": True,
    "kv_cache_memory_bytes": 1 << 28,
    "structured_outputs_config": COMPACT,
}
SCHEMA = JsonSchema(
    "grade",
    {
        "type": "object",
        "properties": {
            "grade": {"enum": ["right", "wrong"]},
            "points": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "maxItems": 3},
            "why": {"type": "string", "pattern": "^[a-z ]{1,12}$"},
        },
        "required": ["grade", "points", "why"],
        "additionalProperties": False,
    },
)


class Held:
    """An engine and the event loop that it lives in."""

    def __init__(self, spec: ModelSpec) -> None:
        self._runner = asyncio.Runner()
        self.engine: Engine = self.run(_opened(spec))

    def run(self, what: Any) -> Any:
        return self._runner.run(asyncio.wait_for(what, 300))

    def answers(self, *requests: Request) -> list[Any]:
        async def ask() -> list[Any]:
            return await asyncio.gather(*map(self.engine.complete, requests), return_exceptions=True)

        return list(self.run(ask()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.engine.close())
        self._runner.close()


async def _opened(spec: ModelSpec) -> Engine:
    return open_engine(spec)


def spec(model: Path, **options: Any) -> ModelSpec:
    return ModelSpec("tiny", str(model), "vllm", options={**OPTIONS, **options})


def ask(text: str = "hi", *, schema: JsonSchema | None = None, sample: int = 0, **sampling: Any) -> Request:
    settings = Sampling(**{"temperature": 0.0, "max_tokens": 40, **sampling})
    return Request("tiny", (Turn("user", text),), settings, schema, sample)


def children() -> list[psutil.Process]:
    """Those that vLLM started; Python's own resource tracker lives as long as this process."""
    found = psutil.Process().children(recursive=True)
    return [each for each in found if each.status() != "zombie" and "resource_tracker" not in " ".join(each.cmdline())]


@pytest.fixture(scope="module")
def sentence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sentence")
    return make_tiny_model(folder, says="<think>2 + =</think> 4!abc", max_positions=CONTEXT)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("noise"), max_positions=CONTEXT)


@pytest.fixture(scope="module")
def saying(sentence: Path) -> Iterator[Held]:
    before = children()
    with Held(spec(sentence)) as held:
        yield held
    assert set(children()) <= set(before)


@pytest.fixture(scope="module")
def dying(sentence: Path) -> Iterator[Held]:
    """An engine that the last of its tests kills."""
    with Held(spec(sentence, reasoning_parser="deepseek_r1")) as held:
        yield held


@pytest.fixture(scope="module")
def server(noise: Path) -> Iterator[str]:
    """A real `vllm serve`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The module behind `vllm serve`; the command itself asks for a package named vllm, which the CPU build is not.
    command = [
        sys.executable,
        "-m",
        "vllm.entrypoints.openai.api_server",
        f"--model={noise}",
        "--served-model-name=tiny",
    ]
    flags = ["--dtype=float32", f"--max-model-len={CONTEXT}", "--enforce-eager", f"--kv-cache-memory-bytes={1 << 28}"]
    place = ["--host=127.0.0.1", f"--port={port}", f"--structured-outputs-config={orjson.dumps(COMPACT).decode()}"]
    process = subprocess.Popen([*command, *flags, *place], env={**os.environ, "VLLM_LOGGING_LEVEL": "ERROR"})
    try:
        yield _ready(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(60)


def _ready(url: str, process: subprocess.Popen[bytes]) -> str:
    while process.poll() is None:
        try:
            with urlopen(f"{url}/health", timeout=5):
                return f"{url}/v1"
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"vllm serve ended with {process.returncode}")


def test_a_completion_tells_answer_and_reasoning_apart_and_counts_both(saying: Held, sentence: Path) -> None:
    (answer,) = saying.answers(ask())
    assert (answer.text, answer.reasoning, answer.finish_reason) == ("4!abc", "2 + =", "stop")
    assert answer.usage == Usage(prompt_tokens=21, completion_tokens=11, reasoning_tokens=3)
    assert answer.revision.startswith(f"{sentence} vllm ")
    assert saying.run(saying.engine.models()) == [str(sentence)]  # type: ignore[attr-defined]


def test_bounds_and_stops_end_a_completion(saying: Held) -> None:
    thinking = {"chat_template_kwargs": {"enable_thinking": True}}
    found = saying.answers(ask(max_tokens=3), ask(stop=("!a",)), ask(extra=thinking), ask(extra={"min_tokens": 14}))
    assert [(each.text, each.reasoning, each.finish_reason) for each in found[:3]] == [
        ("", "2 +", "length"),
        ("4", "2 + =", "stop"),
        ("4!abc", "2 + =", "stop"),
    ]
    assert found[3].usage.completion_tokens >= 14


def test_a_prompt_that_fills_the_context_fails_alone(saying: Held) -> None:
    room = CONTEXT - saying.answers(ask(""))[0].usage.prompt_tokens
    cut, full, over, fits = saying.answers(
        ask("x" * (room - 2), max_tokens=CONTEXT), ask("x" * room), ask("x" * 10 * CONTEXT), ask()
    )
    assert (cut.finish_reason, cut.usage.prompt_tokens + cut.usage.completion_tokens) == ("length", CONTEXT)
    assert [(each.cause, each.retryable) for each in (full, over)] == [("context_overflow", False)] * 2
    assert fits.text == "4!abc"


def test_seeded_requests_with_long_prompts_are_answered(saying: Held) -> None:
    found = saying.answers(*(ask(str(i) * 5000, sample=i, seed=1, temperature=1.0) for i in range(8)))
    assert [each.text for each in found] == ["4!abc"] * 8


def test_a_shared_prefix_is_read_from_the_cache(saying: Held) -> None:
    saying.answers(ask("y" * 600))
    (again,) = saying.answers(ask("y" * 600 + "z"))
    assert 0 < again.usage.cached_tokens < again.usage.prompt_tokens


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (ask(extra={"n": 2}), "'n'"),
        (ask(temperature=-1.0), "temperature"),
        (ask(reasoning_effort="enormous"), "reasoning_effort"),
        (ask(schema=JsonSchema("x", {"type": "nonsense"})), "nonsense"),
    ],
)
def test_a_request_that_vllm_refuses_fails_alone(saying: Held, request_: Request, named: str) -> None:
    refused, fine = saying.answers(request_, ask())
    assert isinstance(refused, EngineError)
    assert refused.cause == "invalid_request"
    assert named in str(refused)
    assert fine.text == "4!abc"


def test_a_cancelled_request_leaves_the_engine(sentence: Path, saying: Held) -> None:
    async def cancel_all(number: int) -> int:
        endless = [ask(str(i), max_tokens=CONTEXT, extra={"ignore_eos": True}) for i in range(number)]
        tasks = [asyncio.create_task(saying.engine.complete(each)) for each in endless]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        model = saying.engine._starting.result()  # type: ignore[attr-defined]
        return int(model.engine.get_num_unfinished_requests())

    started = time.monotonic()
    assert saying.run(cancel_all(20)) == 0
    assert saying.answers(ask())[0].text == "4!abc"
    assert time.monotonic() - started < 60  # 20 requests of 16,000 tokens would take minutes


def test_a_schema_holds_for_every_completion(noise: Path, server: str) -> None:
    check = Draft202012Validator(SCHEMA.schema)
    drawn = [ask(schema=SCHEMA, sample=i, temperature=1.0, seed=2, max_tokens=600) for i in range(8)]
    plain = [ask(f"question {i}", max_tokens=24) for i in range(8)]
    judged = [ask(f"question {i}", schema=SCHEMA, max_tokens=600) for i in range(8)]
    with Held(spec(noise)) as held, Held(ModelSpec("tiny", "tiny", "openai", urls=(server,))) as remote:
        here, there = held.answers(*drawn, *plain, *judged), remote.answers(*drawn, *plain, *judged)
    for answer in (*here, *there):
        assert isinstance(answer, Completion), answer
    for answer in (*here[:8], *here[16:], *there[:8], *there[16:]):
        check.validate(orjson.loads(answer.text))
    assert len({answer.text for answer in here[:8]}) == 8
    # Both ways to the same model agree: template, defaults, seed, schema, counts.
    assert [(each.text, each.finish_reason) for each in here] == [(each.text, each.finish_reason) for each in there]
    assert [each.usage.completion_tokens for each in here] == [each.usage.completion_tokens for each in there]


def test_a_reasoning_parser_lets_a_model_think_before_a_schema_holds(dying: Held) -> None:
    (answer,) = dying.answers(ask(schema=SCHEMA, max_tokens=600))
    assert (answer.reasoning, answer.usage.reasoning_tokens) == ("2 + =", 3)
    Draft202012Validator(SCHEMA.schema).validate(orjson.loads(answer.text))


def test_an_engine_that_dies_stops_the_run_at_once(dying: Held) -> None:
    async def kill() -> list[Any]:
        endless = [ask(str(i), max_tokens=CONTEXT, extra={"ignore_eos": True}) for i in range(3)]
        tasks = [asyncio.create_task(dying.engine.complete(each)) for each in endless]
        await asyncio.sleep(0.2)
        engine.kill()
        return await asyncio.gather(*tasks, dying.engine.complete(ask()), return_exceptions=True)

    engine = max((each for each in children() if "EngineCor" in each.name()), key=psutil.Process.create_time)
    below = engine.children(recursive=True)
    assert [type(each) for each in dying.run(asyncio.wait_for(kill(), 30))] == [RunStopped] * 4
    assert [type(each) for each in dying.answers(ask())] == [RunStopped]
    assert _gone([engine, *below], 30)


def test_nothing_outlives_a_killed_process(sentence: Path) -> None:
    code = f"""
import asyncio, os, psutil, signal
from catena.engines.models import ModelSpec, open_engine
from tests.test_engine_vllm import ask, spec
from pathlib import Path

async def main():
    engine = open_engine(spec(Path({str(sentence)!r})))
    await engine.complete(ask())
    print(*(child.pid for child in psutil.Process().children(recursive=True)), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    asyncio.run(main())
"""
    script, output = sentence / "killed.py", sentence / "killed.out"
    script.write_text(code)
    with output.open("wb") as stdout:  # a pipe would be held open by what outlives
        subprocess.run(
            [sys.executable, script], stdout=stdout, env={**os.environ, "PYTHONPATH": os.getcwd()}, check=False
        )
    left = [psutil.Process(pid) for pid in map(int, output.read_text().split()) if psutil.pid_exists(pid)]
    try:
        assert len(output.read_text().split()) >= 2
        assert _gone(left, 60)
    finally:
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def _gone(processes: list[psutil.Process], timeout_s: float) -> bool:
    return not psutil.wait_procs(processes, timeout_s)[1]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"max_model_length": 4096}, "did you mean 'max_model_len'"),
        ({"trust_remote_code": True}, "code that comes with the weights"),
        ({"hf_token": "hf_1"}, "HF_TOKEN"),
    ],
)
def test_an_option_that_is_of_no_use_is_named(sentence: Path, options: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=named) as refused:
        Held(spec(sentence, **options))
    assert "hf_1" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "named"), [({"max_model_len": "long"}, "max_model_len"), ({"reasoning_parser": "nobody"}, "nobody")]
)
def test_a_value_that_vllm_refuses_is_one_sentence(sentence: Path, options: dict[str, Any], named: str) -> None:
    with Held(spec(sentence, **options)) as held:
        (error,) = held.answers(ask())
    assert isinstance(error, UserError)
    assert named in str(error)
    assert "\n" not in str(error)


def test_a_folder_without_a_model_is_one_sentence(tmp_path: Path) -> None:
    with Held(spec(tmp_path)) as held:
        (error,) = held.answers(ask())
    assert isinstance(error, UserError)
    assert str(tmp_path) in str(error)
