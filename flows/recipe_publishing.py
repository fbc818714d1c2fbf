"""Recipe sections about what is checked of the published rows, and what their data set card says."""

from typing import Annotated, Literal

from pydantic import Field

from catena.flows.recipe_base import Section


class AuditSection(Section):
    """Looks the published rows over at the end of a run; findings go to `audit.json`, into the report and the card.

    Attributes:
        against: Data sets where no published row may stand (benchmarks), beside those that pipelines name.
        depth: `words` finds copies and renumbered ones; `meaning` also paraphrases, with the packages of `catena[taxonomy]`.
        plant: Benchmark items of which leaks are planted, to measure what the search would find; 0 measures nothing.
    """

    against: tuple[str, ...] = ()
    depth: Literal["words", "meaning"] = "words"
    plant: Annotated[int, Field(ge=0, le=100_000)] = 100


class CardSection(Section):
    """What the data set card says that nothing in the run tells.

    Attributes:
        license: Of the data set, as the hub names it (`apache-2.0`, `cc-by-4.0`).
        languages: ISO codes.
        title, description: In words of your own.
    """

    license: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]*$")] = "unknown"
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], ...] = Field(default=("en",), min_length=1)
    title: str = ""
    description: str = ""
