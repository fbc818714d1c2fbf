"""A model as a recipe names it, and the engine that serves it.

`open_engine` imports an engine's libraries when a recipe asks for that engine, never before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from catena.engines.base import Engine

EngineKind = Literal["openai", "openai-embeddings", "vllm", "transformers"]


@dataclass(frozen=True, slots=True)
class Price:
    """Money per million tokens, in the recipe's currency; never guessed."""

    input: float = 0.0
    output: float = 0.0
    cached: float | None = None

    def of(self, prompt: int, completion: int, cached: int = 0) -> float:
        """The price of so many tokens; `cached` of `prompt` were read from the server's cache."""
        fresh = prompt if self.cached is None else prompt - cached
        known = 0.0 if self.cached is None else cached * self.cached
        return (fresh * self.input + known + completion * self.output) / 1e6


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model.

    Attributes:
        name: What the recipe calls it.
        model: Its id at the server, a hub id or a folder.
        engine: Who serves it.
        revision: Asked for, and part of every request's identity.
        urls: Base URLs of OpenAI-compatible servers, ending in `/v1` as a rule; requests spread over them. `file:PATH` or
            `env:NAME` stands for those that a scheduler writes there, see `catena.discovery`.
        key: Reference to the API key: `env:NAME` or `file:PATH`; never the key itself.
        concurrency: Requests in flight at most, over all `urls`.
        timeout_s: Seconds from sending a request to its last byte.
        tries: How often a request is sent while the way to the model is at fault.
        patience_s: Seconds without any reachable server before the run stops itself.
        price: None where it costs nothing or is not known.
        options: Settings of the engine itself (`gpu_memory_utilization`, `max_model_len`, `headers`, ...).
    """

    name: str
    model: str
    engine: EngineKind = "openai"
    revision: str = ""
    urls: tuple[str, ...] = ()
    key: str | None = None
    concurrency: int = 64
    timeout_s: float = 600.0
    tries: int = 8
    patience_s: float = 120.0
    price: Price | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def open_engine(spec: ModelSpec) -> Engine:
    """The engine that serves `spec`; must be called inside a running event loop.

    Raises:
        UserError: A library that the engine needs is not installed, or the key's reference leads nowhere.
    """
    if spec.engine in ("openai", "openai-embeddings"):
        from catena.engines.openai import CHAT, EMBEDDINGS, OpenAIEngine

        return OpenAIEngine(spec, CHAT if spec.engine == "openai" else EMBEDDINGS)
    if spec.engine == "vllm":
        from catena.engines.vllm import VllmEngine

        return VllmEngine(spec)
    from catena.engines.transformers import TransformersEngine

    return TransformersEngine(spec)
