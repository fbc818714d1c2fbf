"""What a rehearsal server does: how its models behave, what it plants, which faults it injects.

`settings_from` reads a mapping (the `[rehearsal]` section of a recipe, a TOML or JSON file); every rate is a share in
[0, 1], every default is a mild version of what real models do, and no fault is injected unless it is asked for.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from typing import Any, Literal

from catena.engines.rehearsal.reading import (
    check_least,
    check_shares,
    check_sum,
    read_range,
    read_settings,
    read_shares,
)
from catena.errors import RecipeError

ReasoningField = Literal["reasoning_content", "reasoning", "think", "none"]
Dialect = Literal["openai", "vllm", "mixed"]

PROBLEM_FLAWS = ("wrong", "ambiguous", "off_topic", "duplicate", "leaked")
TOPIC_FLAWS = ("near_duplicate", "non_topic", "parent_repeated")
TRANSPORT_FAULTS = ("r429", "r500", "reset", "stall", "garbled")
CONTENT_FAULTS = ("malformed", "truncated", "refused", "filtered", "injected", "empty")
_JUDGING = (
    "accept_right", "reject_wrong", "reject_ambiguous", "reject_off_topic", "reject_leaked", "match_accept", "match_reject"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """How one model behaves.

    Attributes:
        solve: Mean probability that it solves a problem.
        spread: How alike problems are to it: p is drawn per problem from a Beta distribution with mean `solve` and
            alpha + beta = `spread`. Small: each problem is either easy or hopeless. A problem hard for one is hard for all.
        accept_right, reject_wrong: Its confusion matrix as a judge of problems.
        reject_ambiguous, reject_off_topic, reject_leaked: The same for these flaws; None takes `reject_wrong`.
        match_accept, match_reject: Its confusion matrix as a judge of final answers.
        wrong, ambiguous, off_topic, duplicate, leaked: Shares of the problems it writes that have this flaw; see
            `catena.engines.rehearsal.problems`.
        near_duplicate, non_topic, parent_repeated: Shares of the topic names it proposes that have this flaw.
        reasoning: Where its reasoning comes: in a field of that name, in think tags, or as part of the text.
        reasoning_tokens: Median length of its reasoning, in tokens.
        reasoning_sigma: Standard deviation of the logarithm of that length.
    """

    solve: float = 0.6
    spread: float = 3.0
    accept_right: float = 0.95
    reject_wrong: float = 0.85
    reject_ambiguous: float | None = None
    reject_off_topic: float | None = None
    reject_leaked: float | None = None
    match_accept: float = 0.98
    match_reject: float = 0.97
    wrong: float = 0.1
    ambiguous: float = 0.05
    off_topic: float = 0.03
    duplicate: float = 0.05
    leaked: float = 0.02
    near_duplicate: float = 0.1
    non_topic: float = 0.05
    parent_repeated: float = 0.02
    reasoning: ReasoningField = "reasoning_content"
    reasoning_tokens: int = 300
    reasoning_sigma: float = 0.6

    def __post_init__(self) -> None:
        check_shares(self, "solve", *_JUDGING, *PROBLEM_FLAWS, *TOPIC_FLAWS)
        check_sum(self, PROBLEM_FLAWS)
        check_sum(self, TOPIC_FLAWS)
        check_least(self, 0.0, "reasoning_sigma")
        check_least(self, 0, "reasoning_tokens")
        if not self.spread > 0:
            raise RecipeError(f"spread: {self.spread!r} is impossible, expected a number above 0; 3 is usual")


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares of requests that meet a fault. The first five are drawn together, then the content faults, one at most of each.

    Attributes:
        r429: Status 429 with Retry-After.
        r500: Status 500.
        reset: The connection is reset before the answer or within its body.
        stall: No answer ever; the connection stays open.
        garbled: Status 200 with a body that is no JSON.
        malformed: The content is invalid JSON, or its answer tag is never closed.
        truncated: The content is cut off, finish reason `length`.
        refused: A refusal, in its own field or as text.
        filtered: No content, finish reason `content_filter`.
        injected: A normal answer that also holds prompt injection, role tags or zero-width characters.
        empty: Empty content.
    """

    r429: float = 0.0
    r500: float = 0.0
    reset: float = 0.0
    stall: float = 0.0
    garbled: float = 0.0
    malformed: float = 0.0
    truncated: float = 0.0
    refused: float = 0.0
    filtered: float = 0.0
    injected: float = 0.0
    empty: float = 0.0

    def __post_init__(self) -> None:
        check_shares(self, *TRANSPORT_FAULTS, *CONTENT_FAULTS)
        check_sum(self, TRANSPORT_FAULTS)
        check_sum(self, CONTENT_FAULTS)


@dataclass(frozen=True, slots=True)
class RehearsalSettings:
    """A whole server.

    Attributes:
        seed: Of every draw.
        model: How every model behaves that `models` does not name.
        models: How models behave, by the name in the request; what is not said is as in `model`.
        only_named: Whether any other model name is refused with 404.
        faults: What is injected.
        sticky: Content faults hit every attempt at the same messages by the same model, whatever seed or bound is sent.
        latency_s: Seconds from a request's last byte to its answer; the median where `latency_sigma` is given.
        jitter: Share by which the latency varies evenly to both sides, in [0, 1].
        latency_sigma: Standard deviation of the latency's logarithm.
        retry_after_s: Seconds in Retry-After of an injected 429.
        context: Tokens of a model's context; longer prompts are refused. None: no bound.
        dialect: Whose words a refusal for length has.
        key: Reference (`env:NAME`, `file:PATH`) to the API key that requests must present; None takes any.
        limit_in_flight: Requests in flight from which on a real 429 is given.
        requests_per_second: Rate from which on a real 429 is given.
        down_after: Requests after which the server goes down: connections are closed and no new ones taken.
        down_s: Seconds until it is up again.
        up_after: Connections turned away until it is up again. Neither: it stays down.
        truth: JSONL file of problems (`statement`, `question` or `problem`) with their `answer`, for the solvers.
        planted: JSONL file to which the truth of every problem written is appended.
        log: JSONL file to which every request is appended when it has been read.
        sound: Range from which the share of sound problems is drawn for each topic, by the seed and the topic's path; see
            `catena.engines.rehearsal.topic_shares`. None: the flaws' shares are those of the model, whatever the topic.
        sound_by_topic: That share for the topics at and below a path (`mathematics / algebra`, in lower case); the longest
            path counts.
        largest_body: Bytes of a request's body at most.
    """

    seed: int = 0
    model: ModelSettings = ModelSettings()
    models: Mapping[str, ModelSettings] = field(default_factory=dict)
    only_named: bool = False
    faults: Faults = Faults()
    sticky: bool = False
    latency_s: float = 0.0
    jitter: float = 0.0
    latency_sigma: float = 0.0
    retry_after_s: float = 1.0
    context: int | None = None
    dialect: Dialect = "mixed"
    key: str | None = None
    limit_in_flight: int | None = None
    requests_per_second: float | None = None
    down_after: int | None = None
    down_s: float | None = None
    up_after: int | None = None
    truth: str | None = None
    planted: str | None = None
    log: str | None = None
    sound: tuple[float, float] | None = None
    sound_by_topic: Mapping[str, float] = field(default_factory=dict)
    largest_body: int = 32 * 1024 * 1024

    def __post_init__(self) -> None:
        check_shares(self, "jitter")
        check_least(self, 0.0, "latency_s", "latency_sigma", "retry_after_s", "down_s")
        check_least(self, 1, "context", "limit_in_flight", "down_after", "up_after", "largest_body")
        if not -(2**63) <= self.seed < 2**63:
            raise RecipeError(f"seed: {self.seed} is impossible, expected a whole number of 64 bits")
        if self.requests_per_second is not None and not self.requests_per_second > 0:
            raise RecipeError(f"requests_per_second: {self.requests_per_second!r} is impossible, expected more than 0")
        if self.key is not None and not self.key.startswith(("env:", "file:")):
            raise RecipeError(
                "key: name the API key by reference, 'env:NAME' or 'file:PATH'; never write the key itself"
            )

    def behaviour(self, name: str) -> ModelSettings:
        """How the model `name` behaves."""
        return self.models.get(name, self.model)

    @property
    def fingerprint(self) -> str:
        """Names what determines the answers: seed, models, shares by topic and truth file; not faults, latency and limits."""
        named = {name: asdict(model) for name, model in sorted(self.models.items())}
        by_topic = (self.sound, sorted(self.sound_by_topic.items())) if self.sound or self.sound_by_topic else ()
        text = repr((self.seed, asdict(self.model), named, self.truth, *by_topic))
        return f"fp_{blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=6).hexdigest()}"


def settings_from(mapping: Mapping[str, Any], *, place: str = "rehearsal") -> RehearsalSettings:
    """The settings in a mapping; `place` names it in messages.

    Raises:
        RecipeError: An unknown key (with the nearest known one) or an impossible value.
    """
    given = dict(mapping)
    named = given.pop("models", {})
    sound = read_range(given.pop("sound", None), f"{place}.sound")
    by_topic = read_shares(given.pop("sound_by_topic", {}), f"{place}.sound_by_topic")
    settings = read_settings(RehearsalSettings(), given, place)
    if not isinstance(named, Mapping):
        raise RecipeError(f"{place}.models: expected a table with one entry per model name, got {named!r}")
    models = {str(name): read_settings(settings.model, part, f"{place}.models.{name}") for name, part in named.items()}
    return replace(settings, models=models, sound=sound, sound_by_topic=by_topic)
