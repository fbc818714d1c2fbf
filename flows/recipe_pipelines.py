"""Recipe sections about pipelines: where rows come from, and the steps they go through."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from catena.flows.recipe_base import Count, Name, Section, Share


class _Step(Section):
    def asks(self) -> tuple[str, ...]:
        """Names of the models that the step asks."""
        return ()


class _Asking(_Step):
    model: str

    def asks(self) -> tuple[str, ...]:
        """Names of the models that the step asks."""
        return (self.model,)


class WriteProblemStep(_Asking):
    """`model` writes one problem for the row's topic, as hard as `level` says."""

    do: Literal["write-problem"]
    level: str = "graduate"
    prompt: str | None = None


class JudgeProblemStep(_Step):
    """`models` vote on the problem; a strict majority of at least `quorum` readable votes decides (default: all)."""

    do: Literal["judge-problem"]
    models: tuple[str, ...] = Field(min_length=1)
    quorum: Count | None = None
    prompt: str | None = None

    def asks(self) -> tuple[str, ...]:
        """Names of the models that the step asks."""
        return self.models


class SolveStep(_Step):
    """`models` solve the problem, `samples` times each."""

    do: Literal["solve"]
    models: tuple[str, ...] = Field(min_length=1)
    samples: Annotated[int, Field(ge=1, le=1024)] = 1

    def asks(self) -> tuple[str, ...]:
        """Names of the models that the step asks."""
        return self.models


class CheckAnswersStep(_Step):
    """Every solution's answer is compared with the reference; `judge` is asked where comparison cannot decide."""

    do: Literal["check-answers"]
    judge: str | None = None
    prompt: str | None = None

    def asks(self) -> tuple[str, ...]:
        """Names of the models that the step asks."""
        return () if self.judge is None else (self.judge,)


class KeepRule(Section):
    """Rows go on where `column` has the value `equals`."""

    column: str
    equals: str


class AskStep(_Asking):
    """A prompt of your own: a template over `topic`, `statement`, `number` and the columns; JSON fields become columns.

    Without `schema` the whole reply becomes the column `name`.
    """

    do: Literal["ask"]
    name: Name
    prompt: str
    system: str = ""
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    keep: KeepRule | None = None


AnyStep = Annotated[
    WriteProblemStep | JudgeProblemStep | SolveStep | CheckAnswersStep | AskStep, Field(discriminator="do")
]


class Pipeline(Section):
    """Rows and the steps they go through, one by one: no row waits for another.

    Attributes:
        name: Prefix of the pipeline's shards.
        source: `topics` (one row for each problem wanted), or the name of a data set.
        rows: Rows taken in: problems to ask for, spread over the topics, or rows of the data set (None: all).
        candidates: With it, `rows` are *accepted* rows, exactly as many per topic as its quota: candidates are asked for in
            rounds until every topic is filled, at most so many over all topics.
        topics: Topics of at least three levels, instead of the recipe's taxonomy.
        steps: In order.
        tries: Attempts per question while the content is unusable (malformed, truncated, refused); then the row fails.
        stop_error_rate: The run stops itself when surely more of the last rows than this share failed.
        test: Share of the rows set aside for evaluation.
    """

    name: Name
    source: str = "topics"
    rows: Count | None = None
    candidates: Count | None = None
    topics: tuple[tuple[str, ...], ...] = ()
    steps: tuple[AnyStep, ...] = Field(min_length=1)
    tries: Annotated[int, Field(ge=1, le=100)] = 3
    stop_error_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    test: Share = 0.0

    @model_validator(mode="after")
    def _consistent(self) -> "Pipeline":
        if self.source == "topics" and self.rows is None:
            raise ValueError(f"pipeline {self.name!r} draws on topics; say how many rows with rows = N")
        if self.candidates is not None and (self.source != "topics" or self.candidates < (self.rows or 0)):
            raise ValueError(
                f"pipeline {self.name!r}: candidates is for rows written for topics, and at least as many as rows"
            )
        names = self.step_names()
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"pipeline {self.name!r}: step {name!r} stands twice; names must differ")
        short = next((path for path in self.topics if len(path) < 3), None)
        if short is not None:
            raise ValueError(f"pipeline {self.name!r}: topic {' / '.join(short)!r} has fewer than three levels")
        return self

    def step_names(self) -> list[str]:
        """What the books call the steps: `<pipeline>/<step>`."""
        return [f"{self.name}/{step.name if isinstance(step, AskStep) else step.do}" for step in self.steps]
