"""Long solutions by several teachers: the problem in, reasoning and answer apart out; plain, or in a style or language."""

import asyncio
from dataclasses import asdict, dataclass, replace

import orjson

from catena.asking import Model
from catena.engines.base import Completion, Sampling
from catena.errors import EngineError
from catena.generators.styles import STYLES, Style, language_name, request
from catena.records import Draft, Trajectory, Turn


@dataclass(frozen=True, slots=True)
class Solve:
    """The step `solve`: independent attempts of each model, asked together.

    An attempt that no try finished is kept as unfinished, never as wrong; the row fails only where no attempt of any model
    gave a text.

    Attributes:
        models: The teachers.
        samples: Attempts of each.
        style: How they are to be written; see `catena.generators.styles`.
        languages: Codes or names (`de`, `German`) taken in turn by the samples; none leaves the language to the model.
        budget: Words asked for, at least 1; None says nothing. The bound in tokens is the models' own `max_tokens`.
    """

    models: tuple[Model, ...]
    samples: int = 1
    name: str = "solve"
    style: Style = "plain"
    languages: tuple[str, ...] = ()
    budget: int | None = None

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise ValueError(f"style {self.style!r} is unknown, expected one of {', '.join(STYLES)}")
        if self.budget is not None and self.budget < 1:
            raise ValueError(f"budget must be at least 1 (words), got {self.budget}; leave it out for no bound")
        for language in self.languages:
            language_name(language)

    async def __call__(self, draft: Draft) -> Draft:
        """The draft with `trajectories`: models in order, samples in order."""
        wanted = [(model, sample) for model in self.models for sample in range(self.samples)]
        came = await asyncio.gather(*(self._attempt(draft, *one) for one in wanted), return_exceptions=True)
        found = [one for one in came if isinstance(one, Trajectory)]
        for error in came:
            if isinstance(error, BaseException) and not (isinstance(error, EngineError) and found):
                raise error
        if not any(one.finish_reason == "stop" for one in found):
            one = found[0]
            detail = f"none of {len(found)} attempts was finished"
            raise EngineError("truncated", detail, model=one.model, tries=len(wanted), response=one.text[-2000:])
        return replace(draft, trajectories=(*draft.trajectories, *found))

    async def _attempt(self, draft: Draft, model: Model, sample: int) -> Trajectory:
        language = self.languages[sample % len(self.languages)] if self.languages else ""
        asked = await model.ask(
            (Turn("user", draft.statement + request(self.style, language, self.budget)),),
            _whole,
            purpose=self.name,
            row_id=draft.row_id,
            sample=sample,
            keep_truncated=True,
        )
        said, usage = asked.completion, asked.completion.usage
        return Trajectory(
            model=model.spec.model,
            sample=sample,
            sampling=sampling_text(model.sampling),
            reasoning=said.reasoning or "",
            text=said.text,
            finish_reason=said.finish_reason,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            style=self.style,
            language=language,
        )


def sampling_text(sampling: Sampling) -> str:
    """The settings that were given, as JSON."""
    return orjson.dumps(
        {name: value for name, value in asdict(sampling).items() if value not in (None, (), {})}
    ).decode()


def _whole(completion: Completion) -> None:
    """Any text is a solution; whether it answers the problem is for the validators to say."""
