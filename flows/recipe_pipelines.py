"""Recipe sections about pipelines: where rows come from, and the steps they go through."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from catena.flows.recipe_base import Count, Name, Section, Share
from catena.generators.problems import CHECKABLE
from catena.generators.styles import language_name
from catena.generators.variants import Operator
from catena.records import AnswerKind

SETTLE = "unique"
"""What the books call the comparison at the end of a pipeline."""


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
    """`model` writes one problem for the row's topic, as hard as `level` says.

    With `concepts` above 1 each problem joins so many, its topic and the least covered of those beside it; `nearby` shows the
    model so many of the accepted problems that are nearest. Both need the packages of `catena[taxonomy]`. `kinds` are the types
    that an answer may have; multiple choice is one only where it is named.
    """

    do: Literal["write-problem"]
    level: str = "graduate"
    concepts: Annotated[int, Field(ge=1, le=5)] = 1
    nearby: Annotated[int, Field(ge=0, le=10)] = 0
    kinds: tuple[AnswerKind, ...] = Field(default=CHECKABLE, min_length=1)
    prompt: str | None = None


class WriteProgramProblemStep(_Asking):
    """`model` writes a problem with the program that solves it; the program runs on the example and on `draws` more.

    Needs no judge for its answer: the row is kept where the program gives the stated answer, stays within its bounds and uses
    every parameter. It becomes an atom that can be composed.
    """

    do: Literal["write-program-problem"]
    level: str = "graduate"
    draws: Annotated[int, Field(ge=20, le=100)] = 24
    prompt: str | None = None


class CheckProgramStep(_Step):
    """`models` solve `draws` re-parameterised problems of each program blind; kept where enough of the answers agree with it.

    `agree` is the share of the decided answers that must, `least` how many must be decided.
    """

    do: Literal["check-program"]
    models: tuple[str, ...] = Field(min_length=1)
    draws: Annotated[int, Field(ge=1, le=20)] = 3
    agree: Annotated[float, Field(gt=0, le=1)] = 0.5
    least: Count = 2

    @model_validator(mode="after")
    def _can_be_decided(self) -> "CheckProgramStep":
        if self.least > self.draws * len(self.models):
            raise ValueError(f"least is {self.least}, but only {self.draws * len(self.models)} answers are asked for")
        return self

    def asks(self) -> tuple[str, ...]:
        """Names of the models that the step asks."""
        return self.models


class JudgeProblemStep(_Step):
    """`models` vote on the problem; a strict majority of at least `quorum` readable votes decides (default: all)."""

    do: Literal["judge-problem"]
    models: tuple[str, ...] = Field(min_length=1)
    quorum: Count | None = None
    prompt: str | None = None

    def asks(self) -> tuple[str, ...]:
        """Names of the models that the step asks."""
        return self.models


class VaryProblemStep(_Asking):
    """`model` makes a new problem of the row's parents, as its operator says; for pipelines with `operators`."""

    do: Literal["vary-problem"]
    level: str = "graduate"
    prompt: str | None = None


class RemovePremiseStep(_Asking):
    """`model` takes one needed premise out of the row's problem; the row has no answer then and is published as a probe.

    With `train_abstention` it is published for SFT, with a solution that says what is missing.
    """

    do: Literal["remove-premise"]
    train_abstention: bool = False
    prompt: str | None = None


class WriteHintsStep(_Asking):
    """`model` writes three hints that never hold the answer: knowledge, plan, partial solution.

    A row without usable hints goes on without any, or fails where they are `required`.
    """

    do: Literal["write-hints"]
    required: bool = False
    prompt: str | None = None


class FindEssentialStep(_Asking):
    """`model` says of numbers of the row's problem, `at_most` of each, whether it can be solved without them.

    Numbers that the problem cannot be solved without are where links may lead in when the row is composed; it is kept as it
    stands. Nothing is asked where a rule decides.
    """

    do: Literal["find-essential"]
    at_most: Annotated[int, Field(ge=1, le=20)] = 4
    prompt: str | None = None


class CorrectAttemptsStep(_Asking):
    """After `check-answers`: `model` finds the first mistake of wrong attempts, `at_most` of each row, and goes on from there.

    Kept are corrections that end in the reference answer, which the model never sees.
    """

    do: Literal["correct-attempts"]
    at_most: Annotated[int, Field(ge=1, le=100)] = 1
    prompt: str | None = None


class RewriteStep(_Asking):
    """`model` turns a composed row of a data set with format `composed` into one flowing text; truth, graph and certificate stay.

    Kept are wordings with the same numbers, the same parts and question, and no answer; the row keeps its old wording in the column
    `original_wording`. `solvers` solve the new wording blind: so many of their readable answers must be the certified one.
    """

    do: Literal["rewrite"]
    solvers: tuple[str, ...] = ()
    agree: Annotated[float, Field(gt=0, le=1)] = 0.5
    prompt: str | None = None

    def asks(self) -> tuple[str, ...]:
        """Names of the models that the step asks."""
        return tuple(dict.fromkeys((self.model, *self.solvers)))


class CheckFormStep(_Step):
    """Rows whose text is of no use, or talks to its reader (`injection`), go no further; asks no model.

    With `injection = "flag"` such rows go on with a column `injection`. `language` is the one that the texts must be in.
    """

    do: Literal["check-form"]
    injection: Literal["drop", "flag"] = "drop"
    language: str | None = None


class SolveStep(_Step):
    """`models` solve the problem, `samples` times each.

    `style`: `plain` long reasoning, `interleaved` with intermediate answers, `plan` first, or `program`-aided. Sample i is
    asked for in language i of `languages` (ISO codes or names), round and round. `budget`: words that are asked for at most.
    """

    do: Literal["solve"]
    models: tuple[str, ...] = Field(min_length=1)
    samples: Annotated[int, Field(ge=1, le=1024)] = 1
    style: Literal["plain", "interleaved", "plan", "program"] = "plain"
    languages: tuple[str, ...] = ()
    budget: Count | None = None

    @field_validator("languages")
    @classmethod
    def _known(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        for language in languages:
            language_name(language)
        return languages

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


class PanelStep(_Step):
    """`validity` models vote on whether the problem is well-posed, `solvers` solve it blind, `samples` times at most.

    No more is asked than makes a row surely accepted, hard, ambiguous or of a wrong key (`sure`: probability in (0.5, 1)
    that an accepted row is well-posed and its key right); with `everything`, everybody is asked everything. `judge` compares
    answers where comparison cannot decide; `step_check` looks for a wrong step in the solve behind a proposed correction.
    `well_posed` and `key_right` are the shares of rows that are so before anybody is asked, `hard_below` the pass rate under
    which a row is hard. A row whose key is sure goes on at once, mostly after one solve; with `hear`, only after so many
    solvers (as far as there are) have answered, so that hard rows are told from others.

    Rows with known truth, a share `planted` of the rows and at least a few dozen, are asked about first: from programs, or
    from the data set `planted_from`; with 0 nobody's reliability is measured. The writer of the problems votes only with
    `allow_writer`.
    """

    do: Literal["panel"]
    validity: tuple[str, ...] = Field(min_length=1)
    solvers: tuple[str, ...] = Field(min_length=1)
    samples: Annotated[int, Field(ge=1, le=64)] = 2
    judge: str | None = None
    step_check: str | None = None
    sure: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    well_posed: Annotated[float, Field(gt=0, lt=1)] = 0.9
    key_right: Annotated[float, Field(gt=0, lt=1)] = 0.85
    hard_below: Share = 0.34
    planted: Annotated[float, Field(ge=0, le=1)] = 0.1
    planted_from: str | None = None
    everything: bool = False
    hear: Annotated[int, Field(ge=0, le=64)] = 0
    allow_writer: bool = False
    families: Annotated[int, Field(ge=0, le=16)] = 2

    @field_validator("validity", "solvers")
    @classmethod
    def _once(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(models)) < len(models):
            raise ValueError(
                f"each model is named once, got {', '.join(models)}; samples says how often a solver is asked"
            )
        return models

    def asks(self) -> tuple[str, ...]:
        """Names of the models that the step asks."""
        others = (name for name in (self.judge, self.step_check) if name is not None)
        return tuple(dict.fromkeys((*self.validity, *self.solvers, *others)))

    def most(self, model: str) -> int:
        """Questions about one row at most that go to a model, but for comparisons."""
        return (model in self.validity) + self.samples * (model in self.solvers)


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
    WriteProblemStep
    | WriteProgramProblemStep
    | CheckProgramStep
    | VaryProblemStep
    | RemovePremiseStep
    | WriteHintsStep
    | JudgeProblemStep
    | SolveStep
    | CheckAnswersStep
    | CorrectAttemptsStep
    | FindEssentialStep
    | CheckFormStep
    | RewriteStep
    | PanelStep
    | AskStep,
    Field(discriminator="do"),
]


ATOM_STEPS = (WriteProgramProblemStep, FindEssentialStep)
"""Steps that make a row one that can be composed."""


class Pipeline(Section):
    """Rows and the steps they go through, one by one: no row waits for another.

    Attributes:
        name: Prefix of the pipeline's shards.
        source: `topics` (one row for each problem wanted), the name of a data set, or of an earlier pipeline whose accepted
            rows go on here.
        rows: Rows taken in: problems to ask for, spread over the topics, or rows of the source (None: all).
        operators: With it, `rows` new problems are made from accepted ones of the source, by these operators in these shares.
        candidates: With it, `rows` are *accepted* rows, exactly as many per topic as its quota: candidates are asked for in
            rounds until every topic is filled, at most so many over all topics.
        topics: Branches of the tree, or single topics of at least three levels, instead of the recipe's taxonomy.
        subject_cap: Share of `rows` that the topics of one subject may have at most; the others get what it cuts off.
        steps: In order.
        tries: Attempts per question while the content is unusable (malformed, truncated, refused); then the row fails.
        stop_error_rate: The run stops itself when surely more of the last rows than this share failed.
        test: Share of the rows set aside for evaluation.
        unique: Rows that repeat an earlier one of the pipeline, exactly or nearly, are dropped before they are counted.
        against: Data sets where no row may stand (benchmarks), in the words of either or with other numbers.
        publish: Whether accepted rows are published; false where they only begin later pipelines.
    """

    name: Name
    source: str = "topics"
    rows: Count | None = None
    candidates: Count | None = None
    topics: tuple[tuple[str, ...], ...] = ()
    subject_cap: Annotated[float, Field(gt=0, le=1)] = 1.0
    steps: tuple[AnyStep, ...] = Field(min_length=1)
    tries: Annotated[int, Field(ge=1, le=100)] = 3
    stop_error_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    test: Share = 0.0
    operators: dict[Operator, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    unique: bool = False
    against: tuple[str, ...] = ()
    publish: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> "Pipeline":
        if self.source == "topics" and self.rows is None:
            raise ValueError(f"pipeline {self.name!r} draws on topics; say how many rows with rows = N")
        if self.operators and (self.source == "topics" or self.rows is None):
            raise ValueError(
                f"pipeline {self.name!r}: operators make new problems from those of an earlier pipeline; name it with source,"
                " and say how many with rows = N"
            )
        if self.candidates is not None and (self.source != "topics" or self.candidates < (self.rows or 0)):
            raise ValueError(
                f"pipeline {self.name!r}: candidates is for rows written for topics, and at least as many as rows"
            )
        if bool(self.operators) != any(isinstance(step, VaryProblemStep) for step in self.steps):
            raise ValueError(f"pipeline {self.name!r}: operators and the step vary-problem go together")
        for step in self.steps[0 if self.source != "topics" else 1 :]:
            if isinstance(step, WriteProblemStep) and (step.concepts > 1 or step.nearby > 0):
                raise ValueError(
                    f"pipeline {self.name!r}: concepts and nearby of write-problem need topics, and it as the first step"
                )
        names = self.step_names()
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"pipeline {self.name!r}: step {name!r} stands twice; names must differ")
        return self

    @property
    def guide(self) -> WriteProblemStep | None:
        """The step whose problems are guided by what was written before them; None where none is."""
        first = self.steps[0]
        guided = isinstance(first, WriteProblemStep) and (first.concepts > 1 or first.nearby > 0)
        return first if guided and isinstance(first, WriteProblemStep) else None

    @property
    def panel(self) -> PanelStep | None:
        """The pipeline's panel; None where it has none."""
        return next((step for step in self.steps if isinstance(step, PanelStep)), None)

    def step_names(self) -> list[str]:
        """What the books call the steps: `<pipeline>/<step>`."""
        return [f"{self.name}/{step.name if isinstance(step, AskStep) else step.do}" for step in self.steps]

    @property
    def settles(self) -> bool:
        """Whether rows that passed every step are compared with others at the end."""
        return self.unique or bool(self.against)

    def book_names(self) -> list[str]:
        """What the books call all that a row goes through."""
        return [*self.step_names(), *([f"{self.name}/{SETTLE}"] if self.settles else [])]
