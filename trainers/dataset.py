"""What the trainers see of Parquet shards, as a stranger would read them: examples, token lengths, schedules.

Nothing is cut: TRL truncates silently at `max_length`, so lengths are counted here first, and rows over the
limit are left out and reported. Schedules are materialised, one row per visit in order, because TRL's own
shuffling is not reproducible after a resume beyond the first epoch.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from datasets import Dataset

from catena.errors import DatasetError
from catena.records import Answer
from catena.seeds import stream_for
from catena.shards import read_rows

T = TypeVar("T")
COLUMNS = (
    "problem_id", "prompt", "completion", "answer", "answer_type", "answer_unit", "answer_tolerance",
    "horizon", "style", "suggested_use",
)  # fmt: skip
Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a shard: `prompt` and `completion` are chat messages."""

    problem_id: str
    prompt: Messages
    completion: Messages
    gold: Answer
    horizon: int


@dataclass(frozen=True, slots=True)
class Encoded:
    """An example as tokens: `input_ids [num_tokens]`, of which the first `prompt_tokens` are not trained on."""

    problem_id: str
    horizon: int
    input_ids: list[int]
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of SFT to a row; `smoothing`, in [0, 1), is the share of its labels that are drawn at random."""

    row: Encoded
    smoothing: float = 0.0


@dataclass(frozen=True, slots=True)
class Lengths:
    """Token accounting of one set of examples: rows kept, rows over `limit`, and the longest row in tokens."""

    limit: int
    kept: int
    dropped: int
    longest: int

    @property
    def counts(self) -> dict[str, int]:
        """The account as counts for an outcome."""
        return {"rows_kept": self.kept, "rows_over_limit": self.dropped, "longest_row_tokens": self.longest}


def read_examples(
    paths: Iterable[str], *, use: str, style: str | None = None, horizons: Iterable[int] | None = None
) -> list[Example]:
    """The rows of the shards at `paths` with the given suggested use, style and horizons (None: any).

    Raises:
        ShardError: A shard cannot be read.
        DatasetError: No row fits.
    """
    wanted = None if horizons is None else frozenset(horizons)
    rows: list[dict[str, Any]] = read_rows(paths, columns=COLUMNS).to_pylist()
    examples = [
        _example(row)
        for row in rows
        if row["suggested_use"] == use
        and (style is None or row["style"] == style)
        and (wanted is None or row["horizon"] in wanted)
    ]
    if not examples:
        seen = dict(Counter(row["suggested_use"] for row in rows))
        raise DatasetError(
            f"no row for use {use!r}, style {style or 'any'}, horizons {sorted(wanted) if wanted else 'any'};"
            f" the shards hold {len(rows)} rows: {seen}"
        )
    return examples


def _example(row: Mapping[str, Any]) -> Example:
    gold = Answer(row["answer_type"], row["answer"], row["answer_unit"], row["answer_tolerance"])
    return Example(row["problem_id"], row["prompt"], row["completion"], gold, row["horizon"])


def by_horizon(examples: Iterable[Example]) -> dict[int, list[Example]]:
    """The examples of each horizon, in ascending order of horizons."""
    found: dict[int, list[Example]] = {}
    for example in sorted(examples, key=lambda example: example.horizon):
        found.setdefault(example.horizon, []).append(example)
    return found


def prompt_ids(tokenizer: Any, prompts: Sequence[Messages]) -> list[list[int]]:
    """For each prompt the tokens after which the model answers."""
    return _tokens(tokenizer, prompts, add_generation_prompt=True)


def encode(examples: Sequence[Example], tokenizer: Any, limit: int) -> tuple[list[Encoded], Lengths]:
    """The examples as tokens, without those of more than `limit` tokens, and the account of both.

    Raises:
        DatasetError: No row is short enough, or the chat template rewrites the prompt once it is answered
            (then the loss would fall on the wrong tokens).
    """
    starts = prompt_ids(tokenizer, [example.prompt for example in examples])
    wholes = _tokens(tokenizer, [[*example.prompt, *example.completion] for example in examples])
    for example, start, whole in zip(examples, starts, wholes, strict=True):
        if whole[: len(start)] != start:
            raise DatasetError(
                f"problem {example.problem_id}: the chat template does not keep the prompt as a prefix of the"
                " conversation; choose a model whose template does"
            )
    longest = max(map(len, wholes))
    encoded = [
        Encoded(example.problem_id, example.horizon, whole, len(start))
        for example, start, whole in zip(examples, starts, wholes, strict=True)
        if len(whole) <= limit
    ]
    if not encoded:
        raise DatasetError(
            f"all {len(examples)} rows have more than {limit} tokens (longest {longest}); raise the limit"
        )
    return encoded, Lengths(limit, len(encoded), len(examples) - len(encoded), longest)


def _tokens(tokenizer: Any, conversations: Sequence[Messages], **options: bool) -> list[list[int]]:
    texts = tokenizer.apply_chat_template(list(conversations), tokenize=False, **options)
    ids: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return ids


def shuffled_forever(items: Sequence[T], seed: int, *names: str | int) -> Iterator[T]:
    """`items` again and again, each lap in another order; determined by `seed` and `names`."""
    lap = 0
    while True:
        order = list(items)
        stream_for(seed, "lap", *names, lap).shuffle(order)
        yield from order
        lap += 1


def sft_dataset(visits: Iterable[Visit], vocabulary: int, *, seed: int) -> Dataset:
    """The visits in order, as the tokenised rows that SFTTrainer takes as they are.

    Label smoothing is done here, by giving that share of the labels to tokens drawn from the whole vocabulary: equal in
    expectation to the loss term, which TRL 1.16 deprecates and computes with a second forward pass.
    """
    rng, visits = stream_for(seed, "smoothing"), list(visits)

    def labels(visit: Visit) -> list[int]:
        targets = visit.row.input_ids[visit.row.prompt_tokens :]
        if visit.smoothing:
            targets = [int(rng.random() * vocabulary) if rng.random() < visit.smoothing else token for token in targets]
        return [-100] * visit.row.prompt_tokens + targets

    return Dataset.from_dict({"input_ids": [v.row.input_ids for v in visits], "labels": [labels(v) for v in visits]})


def rl_dataset(visits: Iterable[Example]) -> Dataset:
    """The visits in order, as the rows that GRPOTrainer and `catena.trainers.reward` take."""
    return Dataset.from_list(
        [{"prompt": e.prompt, "problem_id": e.problem_id, "horizon": e.horizon, "gold": asdict(e.gold)} for e in visits]
    )
