"""A model loaded by transformers, and the generation of one batch with it.

A row is drawn with its own settings and its own randomness (`catena.engines.drawing`), so that what stands beside it
changes it by no more than the float noise of another padding; at temperature 0 that shows only where two tokens
are within it. A JSON schema is enforced where `llguidance` is installed (`catena.engines.grammar`).
"""

import gc
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, get_args

from catena.engines.base import Completion, Request, Usage
from catena.engines.local import (
    Tags,
    build_completion,
    check_options,
    check_request,
    context_overflow,
    one_line,
    refused,
    revision_of,
)
from catena.engines.models import ModelSpec
from catena.engines.reasoning import opens_reasoning
from catena.errors import EngineError, UserError

try:
    import torch
    import transformers

    from catena.engines.drawing import Draw
    from catena.engines.grammar import Grammars
    from catena.engines.transformers_batch import Row as Row
    from catena.engines.transformers_batch import Vocabulary, generate
except ImportError as error:
    raise UserError(
        f"the transformers engine needs a library that cannot be imported ({error}); run pip install 'catena[local]'"
    ) from error

hf: Any = transformers  # its functions are untyped
Dtype = Literal["auto", "bfloat16", "float16", "float32"]

_EXTRA = ("chat_template_kwargs", "repetition_penalty")
_UNBOUNDED = 1 << 40


@dataclass(frozen=True, slots=True)
class Settings:
    """`options` of a model with the transformers engine.

    Attributes:
        batch_size: Rows generated together, at least 1.
        dtype: `float32`, `bfloat16`, `float16` or `auto` (as saved); float32 on a CPU, else `auto`.
        device: `cpu`, `cuda`, `cuda:1`, ...; a GPU where there is one.
        max_model_len: Prompt and answer together, in tokens; the model's own bound where None.
        attn_implementation: As transformers names it (`sdpa`, `eager`, ...).
        chat_template: A Jinja template, or the path of one, in place of the tokenizer's.
        default_chat_template_kwargs: What the chat template gets with every request.
    """

    batch_size: int = 8
    dtype: Dtype | None = None
    device: str | None = None
    max_model_len: int | None = None
    attn_implementation: str | None = None
    chat_template: str | None = None
    default_chat_template_kwargs: dict[str, Any] = field(default_factory=dict)


class TransformersModel:
    """A causal language model with its tokenizer; only `row` may be called while `generate` runs in another thread."""

    def __init__(self, spec: ModelSpec, settings: Settings) -> None:
        """Loads it, from a folder or the hub; code that comes with a model is never run.

        Raises:
            UserError: It cannot be loaded, or has no chat template.
        """
        self.spec, self.settings = spec, settings
        hf.utils.logging.disable_progress_bar()
        hf.utils.logging.set_verbosity_error()
        device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
        dtype = settings.dtype or ("float32" if device == "cpu" else "auto")
        where = {"revision": spec.revision} if spec.revision else {}
        try:
            self._tokenizer: Any = hf.AutoTokenizer.from_pretrained(spec.model, **where)
            self._model: Any = hf.AutoModelForCausalLM.from_pretrained(
                spec.model, dtype=dtype, attn_implementation=settings.attn_implementation, **where
            ).to(device)
        except (OSError, ValueError, RuntimeError, ImportError) as error:
            raise UserError(f"{spec.name}: {spec.model} cannot be loaded by transformers: {one_line(error)}") from error
        if settings.chat_template is not None:
            self._tokenizer.chat_template = _template(spec, settings.chat_template)
        if self._tokenizer.chat_template is None:
            raise UserError(f"{spec.name}: the tokenizer of {spec.model} has no chat template; name an instruct model")
        self._model.eval()
        self._defaults = _defaults(self._model)
        self._tags = Tags.of(lambda text: self._tokenizer(text, add_special_tokens=False)["input_ids"])
        self._vocabulary = _vocabulary(self._model, self._tokenizer, self._tags)
        self._model.generation_config = hf.GenerationConfig()  # or it would fill in what a request leaves out
        self._grammars = Grammars(self._tokenizer)
        bound = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        self._context = min(settings.max_model_len or _UNBOUNDED, bound or _UNBOUNDED)
        commit = getattr(self._model.config, "_commit_hash", None)
        self.revision = revision_of(spec, commit, f"transformers {hf.__version__}", *self._grammars.libraries)

    def row(self, request: Request) -> Row:
        """`request`, ready for a batch.

        Raises:
            EngineError: A setting or schema is of no use, the template refuses the messages, or the prompt is too long.
        """
        check_request(request, _EXTRA)
        try:
            rendered = self._render(request)
            prompt = self._tokenizer(rendered, add_special_tokens=False)["input_ids"]
            settings = Draw.of(request.sampling, self._defaults)
            grammar = self._grammars.of(request.schema)
        except Exception as error:  # templates are code that comes with the model, and schemas have no end
            raise refused(request, error) from error
        room = self._context - len(prompt)
        if room < 1:
            raise context_overflow(request.model, self._context)
        waits = bool(self._tags.closing) and opens_reasoning(rendered)
        return Row(
            request,
            rendered,
            prompt,
            min(request.sampling.max_tokens, room),
            settings,
            random.Random(request.seed),
            grammar,
            free=grammar is None or waits,
            waits=waits,
        )

    def generate(self, rows: Sequence[Row]) -> list[Completion | EngineError]:
        """Completes a batch of rows; blocks. What failed, took too long or is no longer wanted is an error."""
        started = perf_counter()
        for row in rows:
            row.deadline = started + self.spec.timeout_s
        generate(self._model, self._vocabulary, rows)
        return [self._completion(row, perf_counter() - started) for row in rows]

    def _render(self, request: Request) -> str:
        messages = [{"role": turn.role, "content": turn.content} for turn in request.messages]
        kwargs = {
            **self.settings.default_chat_template_kwargs,
            **request.sampling.extra.get("chat_template_kwargs", {}),
        }
        if effort := request.sampling.reasoning_effort:
            kwargs = {"enable_thinking": effort != "none", "reasoning_effort": effort, **kwargs}
        text: str = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **kwargs)
        return text

    def _completion(self, row: Row, latency_s: float) -> Completion | EngineError:
        if row.failure is not None:
            return EngineError("malformed", row.failure, model=row.request.model)
        if row.finish_reason is None:
            detail = f"no answer within {self.spec.timeout_s:g} s; raise timeout_s or lower max_tokens"
            return EngineError("timeout", detail, model=row.request.model)
        text = self._tokenizer.decode(row.tokens, skip_special_tokens=True)
        cuts = [place for stop in row.request.sampling.stop if (place := text.find(stop)) >= 0]
        usage = Usage(len(row.prompt), len(row.tokens))
        frame = Completion("", None, row.finish_reason, usage, self.revision, latency_s)
        text = text[: min(cuts, default=len(text))]
        return build_completion(text, row.tokens, row.rendered if row.free else None, self._tags, frame)


def read_settings(spec: ModelSpec) -> Settings:
    """The options of `spec`.

    Raises:
        UserError: An option is unknown or has an impossible value.
    """
    check_options(spec, [each.name for each in fields(Settings)])
    settings = Settings(**spec.options)
    for name, smallest in (("batch_size", 1), ("max_model_len", 2)):
        value = getattr(settings, name)
        if value is not None and (type(value) is not int or value < smallest):
            raise UserError(f"{spec.name}: {name} is {value!r}; a whole number from {smallest} on is expected")
    if settings.dtype not in (None, *get_args(Dtype)):
        raise UserError(f"{spec.name}: dtype is {settings.dtype!r}; one of {', '.join(get_args(Dtype))} is expected")
    return settings


def _template(spec: ModelSpec, named: str) -> str:
    if "{" in named:
        return named
    try:
        return Path(named).read_text()
    except OSError as error:
        raise UserError(
            f"{spec.name}: chat_template {named!r} is no template and no readable file ({error})"
        ) from error


def _defaults(model: Any) -> Draw:
    """What the model's own generation config says, as `vllm serve` takes it over too."""
    said = model.generation_config.to_diff_dict()
    return Draw(**{each.name: said[each.name] for each in fields(Draw) if said.get(each.name) is not None})


def _vocabulary(model: Any, tokenizer: Any, tags: Tags) -> Vocabulary:
    said = model.generation_config.eos_token_id
    ends = {*(said if isinstance(said, list) else [said]), tokenizer.eos_token_id} - {None}
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(ends, default=0)
    return Vocabulary(tokenizer, padding, frozenset(ends), tags.closing)


def release() -> None:
    """Gives the memory of models that nobody holds any more back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
