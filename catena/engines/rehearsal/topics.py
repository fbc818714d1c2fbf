"""Proposing topics, plausible names below a parent with planted flaws; and reviewing such a list."""

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
OBJECTS = (
    "lattices", "membranes", "markets", "texts", "algorithms", "catalysts", "glaciers", "archives", "surfaces", "populations",
    "signals", "polymers", "verbs", "treaties", "manifolds", "enzymes", "queues", "orbits", "dialects", "contracts", "proofs",
    "magnets", "epidemics", "currencies", "narratives", "compilers", "minerals", "sequences", "galaxies", "guilds", "solvents",
    "syllables", "tensors", "habitats", "ballots", "codes", "crystals", "genomes", "harbours", "idioms", "juries", "kernels",
    "ledgers", "melodies", "neurons", "oceans", "plasmas", "quotas", "rituals", "soils", "tides", "unions", "vaccines", "waves",
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
_NAMES = len(MODIFIERS) * len(CORES) * len(OBJECTS)


def propose_topics(key: bytes, parts: Parts, schema: Any, settings: ModelSettings) -> dict[str, Any]:
    """As many topics as the schema demands or the prompt asks for, names different except where a flaw is planted."""
    draws = Draws(key, b"topics")
    parent = topic_of(parts).split(" / ")[-1]
    count = _count(parts, schema)
    start = draws.below(_NAMES)
    names: list[str] = []
    topics: list[dict[str, str]] = []
    for index in range(count):
        name = _name((start + index * 9_973) % _NAMES)
        planted = _planted(draws, name, parent, names, settings)
        names.append(name if planted is None else planted)
        topics.append({"name": names[-1], "description": _describe(names[-1], parent, draws)})
    return {"topics": topics}


def _name(number: int) -> str:
    rest, modifier = divmod(number, len(MODIFIERS))
    thing, core = divmod(rest, len(CORES))
    return f"{MODIFIERS[modifier]} {CORES[core]} of {OBJECTS[thing]}".capitalize()


def review_topics(key: bytes, parts: Parts, settings: ModelSettings) -> dict[str, Any]:
    """A verdict on each name of a quoted list (`- name: description`), as sure as the model's confusion matrix makes it.

    Recognised as unfit are the planted non-topics, the parent, and names that repeat another one in other words.
    """
    draws = Draws(key, b"review")
    parent = topic_of(parts).split(" / ")[-1].casefold()
    names = [line[2:].split(":")[0].strip() for line in parts.problem.splitlines() if line.startswith("- ")]
    known: dict[str, str] = {}
    reviews = []
    for name in names:
        bare = _bare(name)
        verdict, same = "keep", None
        if name in NON_TOPICS:
            verdict = "non-topic"
        elif name.casefold() == parent:
            verdict = "parent"
        elif bare in known:
            verdict, same = "overlap", known[bare]
        known.setdefault(bare, name)
        right = settings.accept_right if verdict == "keep" else settings.reject_wrong
        if draws.share() >= right:
            verdict, same = ("non-topic", None) if verdict == "keep" else ("keep", None)
        reviews.append({"name": name, "verdict": verdict, "same_as": same, "reason": "Judged by its name alone."})
    return {"reviews": reviews}


def judge_topics(key: bytes, parts: Parts, settings: ModelSettings) -> dict[str, Any]:
    """Whether two quoted topics (`- path: description`) are one, as sure as the model's confusion matrix makes it.

    They are where their names say the same but for what a planted near duplicate adds.
    """
    paths = [line[2:].split(": ")[0] for line in parts.problem.splitlines() if line.startswith("- ")]
    bare = {_bare(path.split(" / ")[-1].strip()) for path in paths}
    same = len(paths) == 2 and len(bare) == 1
    right = settings.accept_right if same else settings.reject_wrong
    said = same == (Draws(key, b"same").share() < right)
    return {"reason": "Judged by the two names alone.", "same": said}


def _bare(name: str) -> str:
    """The name without what a near duplicate adds to it."""
    text = name.casefold()
    for start in ("introduction to ", "the theory of ", "basics of "):
        text = text.removeprefix(start)
    for end in (" and their applications", " (advanced)"):
        text = text.removesuffix(end)
    return text.rstrip("s")


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
