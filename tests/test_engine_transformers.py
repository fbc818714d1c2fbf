import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
import transformers

from catena.engines.base import Completion, Engine, JsonSchema, Request, Sampling, Usage
from catena.engines.models import ModelSpec, open_engine
from catena.errors import CatenaError, EngineError, RunStopped, UserError
from catena.records import Turn
from tests.tiny_model import make_tiny_model

hf: Any = transformers
FOREVER = 20_000  # tokens: half a minute
SCHEMA = JsonSchema(
    "grade",
    {
        "type": "object",
        "properties": {
            "grade": {"enum": ["right", "wrong"]},
            "points": {"type": "integer", "minimum": 0, "maximum": 9},
        },
        "required": ["grade", "points"],
        "additionalProperties": False,
    },
)


@pytest.fixture(scope="module")
def sentence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("sentence"), says="<think>2 + =</think> 4!abc")


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("noise"), max_positions=2 * FOREVER)


def spec(model: Path, **changes: Any) -> ModelSpec:
    options = changes.pop("options", {})
    return ModelSpec("tiny", str(model), "transformers", options={"device": "cpu", **options}, **changes)


def ask(text: str = "hi", *, schema: JsonSchema | None = None, sample: int = 0, **sampling: Any) -> Request:
    settings = Sampling(**{"temperature": 0.0, "max_tokens": 40, **sampling})
    return Request("tiny", (Turn("user", text),), settings, schema, sample)


def answers(model: ModelSpec, *requests: Request) -> list[Completion | BaseException]:
    async def run() -> list[Completion | BaseException]:
        engine = open_engine(model)
        try:
            return await asyncio.gather(*(engine.complete(each) for each in requests), return_exceptions=True)
        finally:
            await engine.close()

    return asyncio.run(run())


def texts(model: ModelSpec, *requests: Request) -> list[str]:
    return [answer.text for answer in answers(model, *requests) if isinstance(answer, Completion)]


def test_a_completion_tells_answer_and_reasoning_apart_and_counts_both(sentence: Path) -> None:
    (answer,) = answers(spec(sentence), ask())
    assert isinstance(answer, Completion)
    assert (answer.text, answer.reasoning, answer.finish_reason) == ("4!abc", "2 + =", "stop")
    assert answer.usage == Usage(prompt_tokens=21, completion_tokens=11, reasoning_tokens=3)
    assert answer.revision.startswith(f"{sentence} transformers ")
    assert answer.latency_s > 0


def test_rows_of_one_batch_end_each_at_its_own_bound_and_stop(sentence: Path) -> None:
    found = answers(
        spec(sentence),
        ask(),
        ask(max_tokens=3),
        ask(stop=("!a",)),
        ask("a longer prompt", max_tokens=6),
        ask(stop=("zz",)),
    )
    parts = [(each.text, each.reasoning, each.finish_reason) for each in found if isinstance(each, Completion)]
    assert parts == [
        ("4!abc", "2 + =", "stop"),
        ("", "2 +", "length"),
        ("4", "2 + =", "stop"),
        ("4", "2 + =", "length"),
        ("4!abc", "2 + =", "stop"),
    ]
    assert [each.usage.completion_tokens for each in found if isinstance(each, Completion)] == [11, 3, 8, 6, 11]


def test_the_prompt_may_open_the_reasoning(sentence: Path) -> None:
    thinking = {"chat_template_kwargs": {"enable_thinking": True}}
    found = answers(spec(sentence), ask(extra=thinking), ask(extra=thinking, max_tokens=2), ask(reasoning_effort="low"))
    parts = [(each.text, each.reasoning) for each in found if isinstance(each, Completion)]
    assert parts == [("4!abc", "2 + ="), ("", "2 +"), ("4!abc", "2 + =")]


def test_a_prompt_that_fills_the_context_fails_alone(sentence: Path) -> None:
    model = spec(sentence, options={"max_model_len": 64})
    fits, cut, over = answers(model, ask(), ask("x" * 40, max_tokens=1000), ask("x" * 45))
    assert isinstance(fits, Completion)
    assert isinstance(cut, Completion)
    assert (cut.finish_reason, cut.usage.prompt_tokens + cut.usage.completion_tokens) == ("length", 64)
    assert isinstance(over, EngineError)
    assert (over.cause, over.retryable) == ("context_overflow", False)


def test_a_seed_decides_a_row_whatever_stands_beside_it(noise: Path) -> None:
    rows = [ask("x" * (1 + 7 * i), sample=i, temperature=1.0, seed=3, max_tokens=10 + i) for i in range(6)]
    together = texts(spec(noise, options={"batch_size": 6}), *rows)
    alone = texts(spec(noise, options={"batch_size": 1}), *reversed(rows))
    assert together == alone[::-1]
    assert len(set(together)) == 6


def test_samples_differ_and_repeat(noise: Path) -> None:
    rows = [ask(sample=i, temperature=1.0, top_p=0.9, top_k=50, min_p=0.001, seed=5) for i in (0, 1, 0)]
    first, second, again = texts(spec(noise), *rows)
    assert first == again
    assert first != second


def test_a_completion_is_kept_before_it_is_handed_out(sentence: Path) -> None:
    kept: list[Completion] = []

    async def keep(completion: Completion) -> None:
        kept.append(completion)

    async def run(engine: Engine) -> Completion:
        try:
            return await engine.complete(ask(), keep)
        finally:
            await engine.close()

    async def main() -> Completion:
        return await run(open_engine(spec(sentence)))

    assert [asyncio.run(main())] == kept


def test_a_cancelled_row_does_not_hold_up_the_next(noise: Path) -> None:
    async def main() -> Completion:
        engine = open_engine(spec(noise, options={"batch_size": 1}))
        await engine.complete(ask(max_tokens=1))
        endless = asyncio.create_task(engine.complete(ask(max_tokens=FOREVER)))
        await asyncio.sleep(0.1)
        endless.cancel()
        async with asyncio.timeout(10):
            answer = await engine.complete(ask(max_tokens=2))
            await engine.close()
        return answer

    assert asyncio.run(main()).usage.completion_tokens == 2


def test_closing_ends_what_is_in_flight(noise: Path) -> None:
    async def main() -> list[Any]:
        engine = open_engine(spec(noise, options={"batch_size": 2}))
        await engine.complete(ask(max_tokens=1))
        endless = [asyncio.create_task(engine.complete(ask(max_tokens=FOREVER))) for _ in range(3)]
        await asyncio.sleep(0.1)
        async with asyncio.timeout(10):
            await engine.close()
            await engine.close()
            return await asyncio.gather(*endless, engine.complete(ask()), return_exceptions=True)

    assert [type(each) for each in asyncio.run(main())] == [RunStopped] * 4


def test_closing_while_the_model_is_loaded_ends_what_waits_for_it(sentence: Path) -> None:
    async def main() -> list[Any]:
        engine = open_engine(spec(sentence))
        waiting = asyncio.create_task(engine.complete(ask()))
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await engine.close()
            return list(await asyncio.gather(waiting, return_exceptions=True))

    assert [type(each) for each in asyncio.run(main())] == [RunStopped]


def test_a_row_whose_logits_are_no_numbers_fails_alone(sentence: Path, tmp_path: Path) -> None:
    model = hf.AutoModelForCausalLM.from_pretrained(sentence)
    tokenizer = hf.AutoTokenizer.from_pretrained(sentence)
    model.model.embed_tokens.weight.data[tokenizer.convert_tokens_to_ids("Z")] = float("nan")
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    fine, broken, also_fine = answers(spec(tmp_path), ask("a long prompt beside it"), ask("Z"), ask())
    assert isinstance(broken, EngineError)
    assert "not finite" in str(broken)
    assert [each.text for each in (fine, also_fine) if isinstance(each, Completion)] == ["4!abc"] * 2


def test_a_row_that_takes_too_long_is_given_up(noise: Path) -> None:
    (late,) = answers(spec(noise, timeout_s=0.2), ask(max_tokens=FOREVER))
    assert isinstance(late, EngineError)
    assert (late.cause, late.retryable) == ("timeout", True)


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (ask(extra={"n": 2}), "'n'"),
        (ask(top_p=1.5), "top_p"),
        (ask(max_tokens=0), "max_tokens is 0"),
        (ask(stop=("",)), "a stop is empty"),
        (ask("half a \ud83d smile"), "lone surrogate"),
        (ask(extra={"chat_template_kwargs": {"messages": []}}), "messages"),
        (Request("tiny", (Turn("nobody", "hi"),), Sampling()), "nobody speaks"),
    ],
)
def test_a_request_that_cannot_be_asked_is_refused_alone(sentence: Path, request_: Request, named: str) -> None:
    template = "{% if messages[0].role == 'nobody' %}{{ raise_exception('nobody speaks') }}{% endif %}"
    refused, fine = answers(spec(sentence, options={"chat_template": template + "{{ 'x\n' }}"}), request_, ask())
    assert isinstance(refused, EngineError)
    assert refused.cause == "invalid_request"
    assert named in str(refused)
    assert isinstance(fine, Completion)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"urls": ("http://127.0.0.1:1/v1",)}, "asks no server"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"timeout_s": 0.0}, "timeout_s 0"),
    ],
)
def test_a_setting_that_a_local_engine_has_no_use_for_is_refused(
    sentence: Path, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(UserError, match=named):
        answers(spec(sentence, **changes))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"batchsize": 4}, "did you mean 'batch_size'"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"dtype": "int3"}, "int3"),
        ({"trust_remote_code": True}, "code that comes with the weights"),
        ({"hf_token": "hf_1"}, "HF_TOKEN"),
    ],
)
def test_an_option_that_is_of_no_use_is_named(sentence: Path, options: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=named) as refused:
        answers(spec(sentence, options=options))
    assert "hf_1" not in str(refused.value)


def test_a_folder_without_a_model_or_a_template_is_one_sentence(sentence: Path, tmp_path: Path) -> None:
    (error,) = answers(spec(tmp_path), ask())
    assert isinstance(error, UserError)
    assert str(tmp_path) in str(error)
    for file in sentence.iterdir():
        if file.name != "chat_template.jinja":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (error,) = answers(spec(tmp_path), ask())
    assert isinstance(error, UserError)
    assert "has no chat template" in str(error)


def test_a_schema_holds_where_llguidance_is_installed(noise: Path) -> None:
    pytest.importorskip("llguidance")
    rows = [ask(schema=SCHEMA, sample=i, temperature=1.0, seed=1, max_tokens=400) for i in range(8)]
    found = [orjson.loads(text) for text in texts(spec(noise), *rows, ask(max_tokens=5))[:8]]
    assert {tuple(each) for each in found} == {("grade", "points")}
    assert {each["grade"] for each in found} == {"right", "wrong"}
    assert all(each["points"] in range(10) for each in found)


def test_a_tag_inside_the_json_of_a_schema_is_content(noise: Path) -> None:
    pytest.importorskip("llguidance")
    schema = JsonSchema("tag", {"enum": ["[THINK]a[/THINK]b"]})
    assert texts(spec(noise), ask(schema=schema)) == ['"[THINK]a[/THINK]b"']


def test_a_schema_waits_for_the_reasoning_that_the_prompt_opened(sentence: Path) -> None:
    pytest.importorskip("llguidance")
    thinking = {"chat_template_kwargs": {"enable_thinking": True}}
    (answer,) = answers(spec(sentence), ask(schema=SCHEMA, extra=thinking, max_tokens=200))
    assert isinstance(answer, Completion)
    assert answer.reasoning == "2 + ="
    assert orjson.loads(answer.text)["grade"] in ("right", "wrong")


@pytest.mark.parametrize(("engine", "library"), [("transformers", "torch"), ("vllm", "vllm")])
def test_a_missing_library_names_the_remedy(engine: str, library: str) -> None:
    code = f"""
import sys
sys.modules[{library!r}] = None
from catena.engines.models import ModelSpec, open_engine
open_engine(ModelSpec("tiny", "tiny", {engine!r}))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stderr.splitlines()[-1].startswith(f"{CatenaError.__module__}.UserError: the {engine} engine needs")
    assert "pip install" in run.stderr
