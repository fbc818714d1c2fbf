"""What the engines that run a model themselves share: their options, the extra fields they know, the finished completion."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from catena.engines.base import Completion, Request
from catena.engines.models import ModelSpec
from catena.engines.reasoning import CLOSING, OPENING, opens_reasoning, split_reasoning
from catena.errors import EngineError, UserError


def check_options(spec: ModelSpec, known: Collection[str]) -> None:
    """Refuses what an engine has no use for, and what must not be in a recipe.

    Raises:
        UserError: `options` holds another key than `known`, a hub token, or asks to run code that comes with the model; or
            a number is impossible.
    """
    if spec.concurrency < 1 or spec.timeout_s <= 0:
        raise UserError(
            f"{spec.name}: concurrency is {spec.concurrency} and timeout_s {spec.timeout_s:g}; at least 1 and more than 0 "
            "are expected"
        )
    if spec.urls:
        raise UserError(f"{spec.name}: the {spec.engine} engine asks no server; remove urls, or name engine = 'openai'")
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


def check_request(request: Request, extra: Collection[str]) -> None:
    """Refuses what no model can be asked, and fields that an engine would leave out.

    Raises:
        EngineError: A text is no Unicode, a stop is empty, `max_tokens` is below 1, or `sampling.extra` holds another key
            than `extra`.
    """
    sampling = request.sampling
    for field in sampling.extra:
        if field not in extra:
            raise refused(request, f"this engine has no sampling field {field!r}; it has {', '.join(sorted(extra))}")
    if sampling.max_tokens < 1:
        raise refused(request, f"max_tokens is {sampling.max_tokens}; at least 1 is expected")
    if not all(sampling.stop):
        raise refused(request, "a stop is empty; remove it")
    for text in (*sampling.stop, *(turn.content for turn in request.messages)):
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise refused(request, "a text holds half a character (a lone surrogate); repair the text")


def refused(request: Request, why: str | BaseException) -> EngineError:
    """The error for a request that cannot be asked."""
    return EngineError("invalid_request", one_line(why), model=request.model)


def context_overflow(model: str, context: int) -> EngineError:
    """The error for a prompt that leaves no room for an answer in `context` tokens."""
    detail = (
        f"the prompt leaves no room for an answer in a context of {context} tokens; shorten it or raise max_model_len"
    )
    return EngineError("context_overflow", detail, model=model)


@dataclass(frozen=True, slots=True)
class Tags:
    """The tokens that are think tags, and how a text is cut into tokens."""

    opening: frozenset[int]
    closing: frozenset[int]
    encode: Callable[[str], Sequence[int]]

    @classmethod
    def of(cls, encode: Callable[[str], Sequence[int]]) -> "Tags":
        """Those of a tokenizer; a tag that is several tokens is none of them."""
        opening, closing = (
            frozenset(ids[0] for ids in map(encode, tags) if len(ids) == 1) for tags in (OPENING, CLOSING)
        )
        return cls(opening, closing, encode)

    def count(self, reasoning: str, tokens: Sequence[int]) -> int:
        """How many of `tokens` are reasoning, its tags aside; exact where it is one block that ends by one token."""
        ends = [place for place, token in enumerate(tokens) if token in self.closing]
        if len(ends) == 1:
            return ends[0] - (tokens[0] in self.opening)
        return min(len(tokens), len(self.encode(reasoning)))


def build_completion(text: str, tokens: Sequence[int], prompt: str | None, tags: Tags, frame: Completion) -> Completion:
    """A completion from what a model wrote, its reasoning told apart by think tags.

    Args:
        text: As decoded, without the stop string.
        tokens: As generated.
        prompt: As the template rendered it: where it ends inside a think block, the text starts there. None where a
            grammar held from the first token, so that the text has no reasoning and its tags are content.
        tags: The think tags as tokens.
        frame: Everything else of the completion.
    """
    if prompt is None:
        return replace(frame, text=text)
    start = OPENING[0] if opens_reasoning(prompt) else ""
    answer, reasoning = split_reasoning(start + text, truncated=frame.finish_reason == "length")
    count = 0 if reasoning is None else tags.count(reasoning, tokens)
    return replace(frame, text=answer, reasoning=reasoning, usage=replace(frame.usage, reasoning_tokens=count))


def revision_of(spec: ModelSpec, commit: str | None, *libraries: str) -> str:
    """Model, its commit or the revision asked for where known, and the versions that ran it: `Qwen/Qwen3-8B@9c92 vllm 0.30.0`."""
    known = commit or spec.revision
    return " ".join([f"{spec.model}@{known}" if known else spec.model, *libraries])


def one_line(error: BaseException | str) -> str:
    """What a library says, as one line of at most 500 characters."""
    return " ".join(str(error).split())[:500] or type(error).__name__
