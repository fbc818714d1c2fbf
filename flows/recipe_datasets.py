"""The recipe's section about data sets: where rows come from, and what they are."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from catena.errors import DatasetError
from catena.flows.recipe_base import Count, Name, Section
from catena.generators.reasoning_gym import GymSource

Format = Literal["gsm8k", "columns", "plain", "reasoning-gym", "composed"]
COMPOSED: tuple[Format, ...] = ("gsm8k", "plain", "reasoning-gym")
"""Formats whose rows can be composed."""


class DatasetSource(Section):
    """Rows of a JSONL or Parquet file (path or fsspec URL), of a hub data set where no path is given, or generated items.

    Attributes:
        format: `gsm8k`: `question`, and `answer` with a worked solution and a last line `#### 72`; such rows can be atoms.
            `plain`: a question and its answer, kept as they stand; composed by links that change no quantity.
            `columns`: any fields; the ones named below are the problem and its answer, the others go along as columns.
            `composed`: `path` is the folder of another run, whose composed rows a pipeline takes, with their graphs.
            `reasoning-gym`: generated items, kept as they stand.
        question, answer: Names of those fields; a row may lack them.
        solution: Name of the field with a worked solution, for format `plain`.
        split, config: The part of a hub data set.
        reasoning_gym: Tasks by name, or `all` whose answers can be compared; graphs take those of them that can be composed.
        items: Items of each task.
        seed: Of the items.
        settings: A task's own settings, by its name.
    """

    name: Name
    path: str | None = None
    hub: str | None = None
    format: Format = "gsm8k"
    question: str = "question"
    answer: str = "answer"
    solution: str | None = None
    split: str = "train"
    config: str | None = None
    reasoning_gym: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    items: Count = 100
    seed: Annotated[int, Field(ge=0)] = 0
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _generated(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("reasoning_gym") is not None:
            return {"format": "reasoning-gym", **data}
        return data

    @model_validator(mode="after")
    def _one_place(self) -> "DatasetSource":
        if (self.format == "reasoning-gym") != (self.reasoning_gym is not None):
            raise ValueError("format 'reasoning-gym' and reasoning_gym = [tasks] go together; give both, or neither")
        given = sum(place is not None for place in (self.path, self.hub, self.reasoning_gym))
        if given == 0:
            raise ValueError("give path (a JSONL or Parquet file or URL), hub (a hub id) or reasoning_gym (tasks)")
        if given > 1 and self.reasoning_gym is not None:
            raise ValueError("give reasoning_gym, or path or hub, not both")
        if self.solution is not None and self.format != "plain":
            raise ValueError("solution is read with format = 'plain' alone")
        if self.reasoning_gym is not None:
            try:
                self.gym()
            except DatasetError as error:
                raise ValueError(str(error)) from error
        return self

    @property
    def place(self) -> str:
        """The path, URL, hub id or address by which rows are read."""
        place = self.gym().address if self.reasoning_gym is not None else self.path or self.hub
        assert place is not None
        return place

    @property
    def layout(self) -> dict[str, Any] | None:
        """How rows that are kept as they stand are read; None for other formats."""
        if self.format not in ("plain", "reasoning-gym"):
            return None
        return {"question": self.question, "answer": self.answer, "solution": self.solution, "config": self.config}

    def gym(self) -> GymSource:
        """The generated items.

        Raises:
            DatasetError: A task that there is not, or that is refused.
        """
        assert self.reasoning_gym is not None
        return GymSource(self.reasoning_gym, self.items, self.seed, self.settings)
