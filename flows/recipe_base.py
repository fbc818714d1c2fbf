"""What all sections of a recipe share."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from catena.generators.composing import LARGEST_HORIZON

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Horizon = Annotated[int, Field(ge=1, le=LARGEST_HORIZON)]
Bf16 = bool | Literal["auto"]
"""Half-precision training; `auto` where the processor has instructions for it."""
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Section(BaseModel):
    """A table of a recipe: frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
