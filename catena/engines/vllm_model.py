"""A model loaded by vLLM, asked as vLLM's own OpenAI server asks it.

A request becomes vLLM's own chat request, so that template, the model's defaults, schema and reasoning parser mean the
same here and behind `vllm serve`. Without the option `reasoning_parser` reasoning is read from think tags, and a schema
holds from the first token on: the model then answers without thinking.
"""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from time import perf_counter
from typing import Any

from catena.engines.base import Completion, FinishReason, Request, Usage
from catena.engines.local import Tags, build_completion, check_request, context_overflow, one_line, refused
from catena.engines.vllm_library import ChatCompletionRequest, EngineDeadError, EngineGenerateError, VLLMClientError
from catena.errors import EngineError, RunStopped

EXTRA = (
    "allowed_token_ids",
    "bad_words",
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
    "thinking_token_budget",
)
"""Fields of `sampling.extra` that are passed on, named as in the body of a request to `vllm serve`."""

SHUTDOWN_S = 60.0
_FINISHED: dict[str, FinishReason] = {"stop": "stop", "length": "length"}


def chat_request(request: Request) -> Any:
    """The request as vLLM's server would read it, but without a bound: that is cut to the context later.

    Raises:
        EngineError: A setting that vLLM does not know or accept.
    """
    check_request(request, EXTRA)
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
        raise refused(request, error) from error


@dataclass(frozen=True, slots=True)
class VllmModel:
    """vLLM's engine with one model, and what stands around it in vLLM's server.

    Attributes:
        name: What the recipe calls the model.
        engine: An `AsyncLLM`.
        renderer: An `OnlineRenderer`.
        tokenizer: A copy: vLLM encodes with the original, in a thread of its own.
        tags: Its think tags.
        defaults: The sampling settings that the model's own generation config names.
        revision: Model and build.
        folder: Where vLLM's sockets and temporary files are.
    """

    name: str
    engine: Any
    renderer: Any
    tokenizer: Any
    tags: Tags
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
        wrote, latency_s = output.outputs[0], perf_counter() - sent
        usage = Usage(len(prompt["prompt_token_ids"]), len(wrote.token_ids), 0, output.num_cached_tokens or 0)
        frame = Completion("", None, _finish_reason(request, wrote.finish_reason), usage, self.revision, latency_s)
        if parser is not None:
            return self._parsed(request, chat, parser, wrote, frame)
        rendered = None if request.schema else prompt.get("prompt", "")
        return build_completion(wrote.text, wrote.token_ids, rendered, self.tags, frame)

    async def close(self) -> None:
        """Ends vLLM's processes and gives back their memory."""
        if self.engine.output_handler is not None:
            self.engine.output_handler.cancel()  # or it may report the end of the engine as an error
        await asyncio.to_thread(self.engine.shutdown, SHUTDOWN_S)
        await asyncio.sleep(0)  # vLLM closes its sockets by a call into this loop
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _render(self, request: Request, chat: Any) -> Any:
        try:
            rendered = await self.renderer.render_chat(chat)
        except (VLLMClientError, ValueError, TypeError) as error:
            if str(getattr(error, "parameter", "")).startswith("input"):
                raise context_overflow(request.model, self.engine.model_config.max_model_len) from error
            raise refused(request, error) from error
        if not isinstance(rendered, tuple):
            raise refused(request, rendered.error.message)
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

    def _parsed(self, request: Request, chat: Any, parser: Any, wrote: Any, frame: Completion) -> Completion:
        try:
            reasoning, text, _ = parser.parse(wrote.text, chat, model_output_token_ids=wrote.token_ids)
            thoughts = parser.count_reasoning_tokens(wrote.token_ids) if reasoning else 0
        except Exception as error:  # vLLM has a parser for every family of models, and the text is the model's
            detail = f"vLLM's reasoning parser cannot read the answer: {one_line(error)}"
            raise EngineError("malformed", detail, model=request.model, response=wrote.text[:500]) from error
        if reasoning and not thoughts:  # where the opening tag is in the prompt, it counts none
            thoughts = self.tags.count(reasoning, wrote.token_ids)
        usage = replace(frame.usage, reasoning_tokens=thoughts)
        return replace(frame, text=text or "", reasoning=reasoning or None, usage=usage)

    def _params(self, request: Request, chat: Any, max_tokens: int) -> Any:
        try:
            return chat.to_sampling_params(max_tokens, self.defaults)
        except (VLLMClientError, ValueError) as error:
            raise refused(request, error) from error

    async def _generate(self, request: Request, prompt: Any, params: Any, for_engine: dict[str, Any]) -> Any:
        number = f"catena-{next(self._numbers)}"
        try:
            return [output async for output in self.engine.generate(prompt, params, number, **for_engine)][-1]
        except asyncio.CancelledError:
            await self.engine.abort(number)  # vLLM itself leaves a request that it was just about to add
            raise
        except (VLLMClientError, ValueError) as error:
            raise refused(request, error) from error
        except EngineDeadError as error:
            reason = "vLLM died, its own words are above; what was answered is kept, the same command goes on"
            raise RunStopped(f"{self.name}: {reason}") from error
        except EngineGenerateError as error:
            raise EngineError("overloaded", one_line(error.__cause__ or error), model=request.model) from error


def _finish_reason(request: Request, reason: str | None) -> FinishReason:
    if reason not in _FINISHED:
        raise EngineError("overloaded", f"vLLM ended the request with {reason!r}", model=request.model)
    return _FINISHED[reason]
