"""Long solutions by several teachers: the bare problem in, reasoning and answer apart out."""

import asyncio
from dataclasses import asdict, dataclass, replace

import orjson

from catena.asking import Model
from catena.engines.base import Completion, Sampling
from catena.errors import EngineError
from catena.records import Draft, Trajectory, Turn
from catena.samples import REQUEST


@dataclass(frozen=True, slots=True)
class Solve:
    """The step `solve`: independent attempts of each model, asked together.

    An attempt that no try finished is kept as unfinished, never as wrong; the row fails only where no attempt of any model
    gave a text.

    Attributes:
        models: The teachers.
        samples: Attempts of each.
    """

    models: tuple[Model, ...]
    samples: int = 1
    name: str = "solve"

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
        asked = await model.ask(
            (Turn("user", draft.statement + REQUEST),),
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
        )


def sampling_text(sampling: Sampling) -> str:
    """The settings that were given, as JSON."""
    return orjson.dumps(
        {name: value for name, value in asdict(sampling).items() if value not in (None, (), {})}
    ).decode()


def _whole(completion: Completion) -> None:
    """Any text is a solution; whether it answers the problem is for the validators to say."""
