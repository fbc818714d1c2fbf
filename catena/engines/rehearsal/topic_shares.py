"""Topics that are easier and harder to write for: the share of sound problems as a property of the topic.

    [rehearsal]
    sound = [0.02, 0.95]

    [rehearsal.sound_by_topic]
    "mathematics / algebra" = 0.5

A judge should accept a sound problem, so with judges that are always right the share is the acceptance rate. The unsound
rest is divided among the flaws, and the sound problems among new ones and the shared duplicate, in the proportions of the
writing model's settings. What was planted stands in the planted file, as ever.
"""

from dataclasses import replace
from functools import lru_cache

from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.reading import topic_key
from catena.engines.rehearsal.settings import PROBLEM_FLAWS, ModelSettings, RehearsalSettings

_UNSOUND = tuple(flaw for flaw in PROBLEM_FLAWS if flaw != "duplicate")


def on_topic(model: ModelSettings, settings: RehearsalSettings, topic: str) -> ModelSettings:
    """How `model` behaves when it writes for `topic`, a path with its parts joined by ` / `."""
    share = sound_share(settings, topic)
    return model if share is None else _with_share(model, share)


def sound_share(settings: RehearsalSettings, topic: str) -> float | None:
    """The share of sound problems on `topic`, in [0, 1]; None where it is left to the model."""
    folded = topic_key(topic)
    parts = folded.split(" / ")
    for length in range(len(parts), 0, -1) if settings.sound_by_topic else ():
        if (share := settings.sound_by_topic.get(" / ".join(parts[:length]))) is not None:
            return share
    if settings.sound is None:
        return None
    low, high = settings.sound
    key = b"%d/%b" % (settings.seed, folded.encode("utf-8", "surrogatepass"))
    return low + (high - low) * Draws(key, b"sound").share()


@lru_cache(maxsize=4096)
def _with_share(model: ModelSettings, share: float) -> ModelSettings:
    flaws = {flaw: getattr(model, flaw) for flaw in _UNSOUND}
    sound = 1 - sum(flaws.values())
    duplicate = share * model.duplicate / sound if sound > 0 else 0.0
    if not any(flaws.values()):
        flaws["wrong"] = 1.0
    whole = sum(flaws.values())
    return replace(model, duplicate=duplicate, **{flaw: (1 - share) * part / whole for flaw, part in flaws.items()})
