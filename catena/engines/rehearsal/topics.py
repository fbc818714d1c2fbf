"""Proposing topics: plausible names below a parent, some of them near duplicates, no topics at all, or the parent again."""

from typing import Any

from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.prompts import Parts, number_wanted, topic_of
from catena.engines.rehearsal.settings import ModelSettings

MODIFIERS = (
    "discrete", "stochastic", "spectral", "inverse", "nonlinear", "asymptotic", "comparative", "applied", "historical",
    "computational", "structural", "quantitative", "local", "global", "boundary", "adaptive", "statistical", "geometric",
    "dynamic", "equilibrium", "perturbative", "experimental", "symbolic", "approximate", "finite", "constrained",
    "multi-scale", "probabilistic", "variational", "recursive", "thermal", "optimal",
)  # fmt: skip
CORES = (
    "models", "invariants", "transitions", "networks", "estimates", "cycles", "measurements", "decompositions", "interactions",
    "classification", "stability", "optimisation", "symmetries", "rates", "distributions", "scaling laws", "conservation",
    "transport", "feedback", "inference", "growth", "reactions", "allocation", "growth limits", "resonance", "sampling",
    "error bounds", "simulation", "encoding", "selection", "coupling", "balance equations",
)  # fmt: skip
NON_TOPICS = (
    "Miscellaneous", "Other topics", "How to study this subject", "Chapter 3", "Frequently asked questions", "N/A",
    "General knowledge", "See above",
)  # fmt: skip
_LIKENESSES = (
    "{name}", "Introduction to {lower}", "{lower} and their applications", "The theory of {lower}", "{lower} (advanced)",
    "{upper}", "Basics of {lower}",
)  # fmt: skip
_DEFAULT_COUNT = 8


def propose_topics(key: bytes, parts: Parts, schema: Any, settings: ModelSettings) -> dict[str, Any]:
    """As many topics as the schema demands or the prompt asks for, names different except where a flaw is planted."""
    draws = Draws(key, b"topics")
    parent = topic_of(parts).split(" / ")[-1]
    count = _count(parts, schema)
    start = draws.below(len(MODIFIERS) * len(CORES))
    names: list[str] = []
    topics: list[dict[str, str]] = []
    for index in range(count):
        name = _name((start + index * 421) % (len(MODIFIERS) * len(CORES)))
        planted = _planted(draws, name, parent, names, settings)
        names.append(name if planted is None else planted)
        topics.append({"name": names[-1], "description": _describe(names[-1], parent, draws)})
    return {"topics": topics}


def _name(number: int) -> str:
    core, modifier = divmod(number, len(MODIFIERS))
    return f"{MODIFIERS[modifier]} {CORES[core]}".capitalize()


def _planted(draws: Draws, name: str, parent: str, earlier: list[str], settings: ModelSettings) -> str | None:
    share = draws.share()
    if share < settings.near_duplicate:
        like = draws.pick(earlier) if earlier else name
        return draws.pick(_LIKENESSES).format(name=f"{like}s", lower=like.lower(), upper=like.upper())
    if share < settings.near_duplicate + settings.non_topic:
        return draws.pick(NON_TOPICS)
    if share < settings.near_duplicate + settings.non_topic + settings.parent_repeated and parent:
        return parent
    return None


def _describe(name: str, parent: str, draws: Draws) -> str:
    field = f" in {parent[:80]}" if parent and parent != name else ""
    return draws.pick(
        ("How {0} arise{1}.", "Problems about {0}{1}.", "What {0} mean{1} and how they are computed.")
    ).format(name.lower(), field)


def _count(parts: Parts, schema: Any) -> int:
    try:
        bounds = schema["properties"]["topics"]
        least, most = int(bounds.get("minItems", 0)), int(bounds.get("maxItems", 200))
    except (KeyError, TypeError, ValueError, AttributeError):
        least, most = 0, 200
    wanted = number_wanted(parts)
    if wanted is None:
        wanted = most if most < 200 else _DEFAULT_COUNT
    return min(max(wanted, least), most, 1000)
