"""The shipped curricula by name, for recipes and command lines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from catena.errors import RecipeError
from catena.pass_rates import Tally
from catena.trainers.curriculum import Curriculum
from catena.trainers.curriculum_band import BandCurriculum, BandSettings
from catena.trainers.curriculum_bandit import DumpCurriculum, DumpSettings, SecCurriculum, SecSettings
from catena.trainers.curriculum_gate import GatedCurriculum, GateSettings, StagedCurriculum
from catena.trainers.curriculum_mixture import MixedCurriculum


@dataclass(frozen=True, slots=True)
class CurriculumSettings:
    """A curriculum by its name, with the settings of all; only those of the named one are used.

    Args:
        name: One of `NAMES`.
        stage_visits: For `stages`: visits of one stage.
        stage_review: For `stages`: share of visits that go to earlier horizons; h1 has none.
        gate: For `gate`.
        band: For `band`.
        sec: For `sec`.
        dump: For `dump`.
    """

    name: str = "gate"
    stage_visits: int = 512
    stage_review: float = 0.0
    gate: GateSettings = field(default_factory=GateSettings)
    band: BandSettings = field(default_factory=BandSettings)
    sec: SecSettings = field(default_factory=SecSettings)
    dump: DumpSettings = field(default_factory=DumpSettings)


Problems = Mapping[int, Sequence[str]]
Known = Mapping[str, Tally]

_MAKERS: dict[str, Callable[[Problems, CurriculumSettings, Known, int], Curriculum]] = {
    "gate": lambda problems, asked, _, seed: GatedCurriculum(problems, asked.gate, seed=seed),
    "stages": lambda problems, asked, _, seed: StagedCurriculum(
        problems, visits=asked.stage_visits, review=asked.stage_review, seed=seed
    ),
    "band": lambda problems, asked, known, seed: BandCurriculum(problems, asked.band, known=known, seed=seed),
    "sec": lambda problems, asked, _, seed: SecCurriculum(problems, asked.sec, seed=seed),
    "dump": lambda problems, asked, _, seed: DumpCurriculum(problems, asked.dump, seed=seed),
    "uniform": lambda problems, _, __, seed: MixedCurriculum.uniform(problems, seed=seed),
    "long": lambda problems, _, __, seed: MixedCurriculum.longest(problems, seed=seed),
    "short": lambda problems, _, __, seed: MixedCurriculum.shortest(problems, seed=seed),
}
NAMES = tuple(_MAKERS)


def make_curriculum(
    problems: Problems, settings: CurriculumSettings, *, known: Known | None = None, seed: int
) -> Curriculum:
    """The curriculum of `settings` over `problems` (ids by horizon).

    Args:
        problems: Ids by horizon.
        settings: Which, and how.
        known: What was observed of problems before training, from the pass-rate store; only `band` uses it.
        seed: Of the order.

    Raises:
        RecipeError: No curriculum has this name, or there is no problem at some horizon.
    """
    if settings.name not in _MAKERS:
        raise RecipeError(f"no curriculum {settings.name!r}; known: {', '.join(NAMES)}")
    return _MAKERS[settings.name](problems, settings, known or {}, seed)
