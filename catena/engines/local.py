"""What the engines that run a model themselves share: their options, the extra fields they know, the finished completion."""

from collections.abc import Callable, Collection
from dataclasses import replace
from difflib import get_close_matches

from catena.engines.base import Completion, FinishReason, Request, Usage
from catena.engines.models import ModelSpec
from catena.engines.reasoning import opens_reasoning, split_reasoning
from catena.errors import EngineError, UserError


def check_options(spec: ModelSpec, known: Collection[str]) -> None:
    """Refuses what an engine does not know, and what must not be in a recipe.

    Raises:
        UserError: `options` holds another key than `known`, a hub token, or asks to run code that comes with the model.
    """
    if "hf_token" in spec.options:
        raise UserError(f"{spec.name}: a hub token must not stand in a recipe; set the environment variable HF_TOKEN")
    if spec.options.get("trust_remote_code"):
        raise UserError(
            f"{spec.name}: trust_remote_code would run code that comes with the weights; serve this model with "
            "`vllm serve` in a place of its own and name its URL with engine = 'openai'"
        )
    for option in spec.options:
        if option not in known:
            near = get_close_matches(option, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else "remove it"
            raise UserError(f"{spec.name}: the {spec.engine} engine has no option {option!r}; {hint}")


def check_extra(request: Request, known: Collection[str]) -> None:
    """Refuses what an engine would otherwise leave out of the request.

    Raises:
        EngineError: `sampling.extra` holds another key than `known`.
    """
    for field in request.sampling.extra:
        if field not in known:
            detail = f"this engine does not know the sampling field {field!r}; it knows {', '.join(sorted(known))}"
            raise EngineError("invalid_request", detail, model=request.model)


def context_overflow(model: str, context: int) -> EngineError:
    """The error for a prompt that leaves no room for an answer in `context` tokens."""
    detail = (
        f"the prompt leaves no room for an answer in a context of {context} tokens; shorten it or raise max_model_len"
    )
    return EngineError("context_overflow", detail, model=model)


def build_completion(
    text: str,
    prompt: str | None,
    finish_reason: FinishReason,
    usage: Usage,
    revision: str,
    latency_s: float,
    count: Callable[[str], int],
) -> Completion:
    """A completion from a model's raw text, its reasoning told apart by think tags.

    Args:
        text: As decoded, without the stop string.
        prompt: As the template rendered it: where it ends inside a think block, the text starts there. None where a
            grammar held from the first token, so that the text has no reasoning and its tags are content.
        finish_reason: Why generation ended.
        usage: Without reasoning tokens; they are counted here.
        revision: Model and build.
        latency_s: Seconds the request took.
        count: The number of tokens of a text.
    """
    if prompt is None:
        return Completion(text, None, finish_reason, usage, revision, latency_s)
    start = "<think>" if opens_reasoning(prompt) else ""
    answer, reasoning = split_reasoning(start + text, truncated=finish_reason == "length")
    if reasoning is not None:
        usage = replace(usage, reasoning_tokens=min(usage.completion_tokens, count(reasoning)))
    return Completion(answer, reasoning, finish_reason, usage, revision, latency_s)


def revision_of(spec: ModelSpec, commit: str | None, *libraries: str) -> str:
    """Model, its commit or the revision asked for where known, and the versions that ran it: `Qwen/Qwen3-8B@9c92 vllm 0.30.0`."""
    known = commit or spec.revision
    return " ".join([f"{spec.model}@{known}" if known else spec.model, *libraries])


def one_line(error: BaseException | str) -> str:
    """What a library says, as one line of at most 500 characters."""
    return " ".join(str(error).split())[:500] or type(error).__name__
