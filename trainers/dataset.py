"""What the trainers see of Parquet shards, as a stranger would read them: examples, token lengths, schedules.

Nothing is cut: TRL truncates silently at `max_length`, so lengths are counted here first, and rows over the
limit are left out and reported. Schedules are materialised, one row per visit in order, because TRL's own
shuffling is not reproducible after a resume beyond the first epoch.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from datasets import Dataset

from catena.errors import DatasetError
from catena.seeds import stream_for
from catena.trainers.dataset_rows import Example as Example
from catena.trainers.dataset_rows import Messages as Messages
from catena.trainers.dataset_rows import by_horizon as by_horizon
from catena.trainers.dataset_rows import iter_examples as iter_examples
from catena.trainers.dataset_rows import read_examples as read_examples

T = TypeVar("T")


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


def prompt_ids(tokenizer: Any, prompts: Sequence[Messages]) -> list[list[int]]:
    """For each prompt the tokens after which the model answers."""
    return _tokens(tokenizer, prompts, add_generation_prompt=True)


def completion_messages(example: Example, thinking: str, template: str) -> Messages:
    """The completion as a chat template wants it: reasoning apart where the template knows it apart, else in think tags.

    With `thinking` as `drop` the reasoning is left out.
    """
    if not example.reasoning or not example.completion:
        return example.completion
    *before, last = example.completion
    text = last["content"].rpartition("</think>")[2].lstrip("\n")
    if thinking == "drop":
        return [*before, {**last, "content": text}]
    if "reasoning_content" in template:
        return [*before, {**last, "content": text, "reasoning_content": example.reasoning}]
    return example.completion


def within_prompt(examples: Sequence[Example], tokenizer: Any, limit: int) -> list[Example]:
    """The examples whose prompts have at most `limit` tokens; RL leaves out the others, it never cuts one."""
    starts = prompt_ids(tokenizer, [example.prompt for example in examples])
    return [example for example, start in zip(examples, starts, strict=True) if len(start) <= limit]


def encode(
    examples: Sequence[Example], tokenizer: Any, limit: int, *, thinking: str = "keep"
) -> tuple[list[Encoded], Lengths]:
    """The examples as tokens, without those of more than `limit` tokens, and the account of both.

    `thinking` says whether the reasoning before an answer is kept or dropped.

    Raises:
        DatasetError: No row is short enough, or the chat template rewrites the prompt once it is answered
            (then the loss would fall on the wrong tokens).
    """
    starts, wholes = token_ids(examples, tokenizer, thinking=thinking)
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


def token_ids(
    examples: Sequence[Example], tokenizer: Any, *, thinking: str = "keep"
) -> tuple[list[list[int]], list[list[int]]]:
    """The tokens of each prompt and of each whole conversation.

    Raises:
        DatasetError: The chat template rewrites the prompt once it is answered.
    """
    starts = prompt_ids(tokenizer, [example.prompt for example in examples])
    template = str(tokenizer.chat_template)
    answered = [[*one.prompt, *completion_messages(one, thinking, template)] for one in examples]
    wholes = _tokens(tokenizer, answered)
    for example, start, whole in zip(examples, starts, wholes, strict=True):
        if whole[: len(start)] != start:
            raise DatasetError(
                f"problem {example.problem_id}: the chat template does not keep the prompt as a prefix of the"
                " conversation; choose a model whose template does"
            )
    return starts, wholes


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


def sft_dataset(
    visits: Iterable[Visit], vocabulary: int, *, seed: int, packs: Sequence[Sequence[int]] | None = None
) -> Dataset:
    """The visits in order, as the tokenised rows that SFTTrainer takes as they are.

    Label smoothing is done here, by giving that share of the labels to tokens drawn from the whole vocabulary: equal in
    expectation to the loss term, which TRL 1.16 deprecates and computes with a second forward pass.

    Args:
        visits: In order.
        vocabulary: Number of tokens that smoothing draws from.
        seed: Of smoothing.
        packs: The visits of each row, by their indices, where rows are packs of several; the column `seq_lengths` says where
            one ends.
    """
    rng, visits = stream_for(seed, "smoothing"), list(visits)

    def labels(visit: Visit) -> list[int]:
        targets = visit.row.input_ids[visit.row.prompt_tokens :]
        if visit.smoothing:
            targets = [int(rng.random() * vocabulary) if rng.random() < visit.smoothing else token for token in targets]
        return [-100] * visit.row.prompt_tokens + targets

    inputs, targets = [visit.row.input_ids for visit in visits], [labels(visit) for visit in visits]
    if packs is None:
        return Dataset.from_dict({"input_ids": inputs, "labels": targets})
    return Dataset.from_dict(
        {
            "input_ids": [[token for at in pack for token in inputs[at]] for pack in packs],
            "labels": [[token for at in pack for token in targets[at]] for pack in packs],
            "seq_lengths": [[len(inputs[at]) for at in pack] for pack in packs],
        }
    )


def rl_dataset(visits: Iterable[Example], *, with_graphs: bool = False) -> Dataset:
    """The visits in order, as the rows that GRPOTrainer and `catena.trainers.reward` take.

    `with_graphs` adds the columns `question` and `graph`, which rewards for steps need. Where any row is a puzzle, the column
    `puzzle` says how its answers are checked.
    """
    visits = list(visits)
    with_puzzles = any(e.puzzle is not None for e in visits)
    return Dataset.from_list(
        [
            {"prompt": e.prompt, "problem_id": e.problem_id, "horizon": e.horizon, "gold": asdict(e.gold)}
            | ({"question": e.question, "graph": e.graph} if with_graphs else {})
            | ({"puzzle": e.puzzle} if with_puzzles else {})
            for e in visits
        ]
    )
