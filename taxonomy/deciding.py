"""Whether two names are one topic: rules about words, then a score from words, embeddings and places in the tree.

First what excludes: other numbers, opposites, another direction, other parentheses. Then the probability that the names
mean the same (logistic regression on a handful of readable features) times the probability that they mean the same
*where they stand* ("kernel" below algebra, below operating systems). Coefficients and threshold are in
`duplicates.json`, fitted on the `tune` half of `benchmarks/taxonomy/pairs.csv`. A judge model takes the rule's place
through `Decider`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import exp
from pathlib import Path
from typing import Protocol

from catena.taxonomy.comparison import Comparison, compare
from catena.taxonomy.embeddings import RememberingEmbedder, default_embedder
from catena.taxonomy.names import LONGEST, Name, read_name

_WORTH = 0.7
"""Cosine of two names from which their different words are compared; below it they are no duplicates anyway."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A name and where it stands: its path from the root, with or without the name itself; empty where unknown."""

    name: str
    path: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[str, ...]:
        """The names above it, from the root."""
        return self.path[:-1] if self.path and self.path[-1] == self.name else self.path


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether two names are one topic.

    Attributes:
        score: Probability that they are, in [0, 1], for pairs such as the labelled ones.
        duplicate: Whether the score reaches the threshold.
        why: What decided, in a few words.
    """

    score: float
    duplicate: bool
    why: str


class Decider(Protocol):
    """Whoever decides about pairs: the offline rule, or a judge model behind it."""

    def decide_all(self, pairs: Sequence[tuple[Placed, Placed]]) -> list[Decision]:
        """One decision for each pair, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Calibration:
    """Coefficients by feature (see `features` and `sense`), the score of what is excluded, and the threshold."""

    names: dict[str, float]
    places: dict[str, float]
    equal: float
    excluded: float
    threshold: float


@cache
def calibration() -> Calibration:
    """The calibration of this build."""
    table = json.loads(Path(__file__).with_name("duplicates.json").read_text(encoding="utf-8"))
    return Calibration(**{name: table[name] for name in ("names", "places", "equal", "excluded", "threshold")})


@dataclass(frozen=True, slots=True)
class Reading:
    """Two names side by side with their embeddings.

    Attributes:
        cosine: Of the names.
        left: Cosine of the words that only one of them has; 0 where one has none, or the names are too far apart anyway.
    """

    a: Name
    b: Name
    found: Comparison
    cosine: float
    left: float


def read_pairs(pairs: Sequence[tuple[Placed, Placed]], embedder: RememberingEmbedder) -> list[Reading]:
    """The names of each pair, in order; where they stand is not looked at."""
    names = [(read_name(a.name), read_name(b.name)) for a, b in pairs]
    cosines = embedder.similarities([a.plain for a, _ in names], [b.plain for _, b in names]).tolist()
    compared = [compare(a, b) for a, b in names]
    replaced = [
        at
        for at, found in enumerate(compared)
        if cosines[at] >= _WORTH and found.only_a and found.only_b and not exclusion(found)
    ]
    texts = [(" ".join(compared[at].only_a), " ".join(compared[at].only_b)) for at in replaced]
    left = dict(
        zip(replaced, embedder.similarities([a for a, _ in texts], [b for _, b in texts]).tolist(), strict=True)
    )
    return [Reading(*names[at], compared[at], cosines[at], left.get(at, 0.0)) for at in range(len(names))]


@dataclass(frozen=True, slots=True)
class OfflineRule:
    """The decision without a model that writes: `words.toml`, embeddings, `duplicates.json`."""

    embedder: RememberingEmbedder
    calibration: Calibration

    def decide_all(self, pairs: Sequence[tuple[Placed, Placed]]) -> list[Decision]:
        """One decision for each pair, in order; symmetric in the two names."""
        readings = read_pairs(pairs, self.embedder)
        meant = [self._by_name(reading) for reading in readings]
        likely = [at for at, (score, _) in enumerate(meant) if score >= self.calibration.threshold]
        placed = [at for at in likely if self._places_matter(*pairs[at])]
        texts = [contexts(_plainer(readings[at].a, readings[at].b), *pairs[at]) for at in placed]
        near = self.embedder.similarities([a for a, _ in texts], [b for _, b in texts])
        for at, similarity in zip(placed, near, strict=True):
            same = _logistic(self.calibration.places, sense(readings[at].a, readings[at].b, float(similarity)))
            score, why = meant[at]
            meant[at] = (score * same, why if score * same >= self.calibration.threshold else "another meaning there")
        for at in likely:
            if _is_below(*pairs[at]) and _says_else(readings[at].found):
                meant[at] = (self.calibration.excluded, "one stands below the other")
        return [Decision(round(score, 4), score >= self.calibration.threshold, why) for score, why in meant]

    def _by_name(self, reading: Reading) -> tuple[float, str]:
        """Probability that the names mean the same wherever they stand, and what decided."""
        a, b, found = reading.a, reading.b, reading.found
        if a.key == b.key:
            return self.calibration.equal, "the same but for spelling, plural or order"
        if max(len(a.text), len(b.text)) > LONGEST:
            return self.calibration.excluded, "too long to compare"
        excluded = exclusion(found)
        if excluded:
            return self.calibration.excluded, excluded
        if found.extras == "alias":
            return self.calibration.equal, "one names the other in parentheses"
        if found.equal:
            return self.calibration.equal, _sameness(found)
        return _logistic(self.calibration.names, features(reading)), _likeness(found)

    def _places_matter(self, a: Placed, b: Placed) -> bool:
        return bool(a.place) and bool(b.place) and a.place != b.place


def _is_below(a: Placed, b: Placed) -> bool:
    """Whether one of them is an ancestor of the other."""
    (above, name), (place, _) = sorted(((one.place, one.name) for one in (a, b)), key=lambda one: len(one[0]))
    return len(above) < len(place) and place[: len(above) + 1] == (*above, name)


def _says_else(found: Comparison) -> bool:
    """Whether the names differ in more than spelling, general words and parentheses."""
    return not found.equal and found.extras != "alias" and bool(found.only_a or found.only_b or found.loose)


def decide(a: str, b: str, path_a: Sequence[str] = (), path_b: Sequence[str] = ()) -> Decision:
    """Whether `a` and `b` are one topic, by the offline rule with the packaged embeddings.

    Args:
        a: A name.
        b: Another.
        path_a: Where `a` stands, from the root; empty where unknown.
        path_b: Where `b` stands.

    Raises:
        UserError: The packages of `catena[taxonomy]` are not installed.
    """
    return offline_rule().decide_all([(Placed(a, tuple(path_a)), Placed(b, tuple(path_b)))])[0]


@cache
def offline_rule() -> OfflineRule:
    """The offline rule with the packaged embeddings.

    Raises:
        UserError: The packages of `catena[taxonomy]` are not installed.
    """
    return OfflineRule(default_embedder(), calibration())


def exclusion(found: Comparison) -> str:
    """Why the names cannot be one topic whatever their embeddings say; empty where they can."""
    if found.numbers == "differ":
        return "other numbers"
    if found.opposites:
        return f"opposites: {', '.join(sorted(found.opposites))}"
    if found.turned:
        return "another direction"
    return "other parentheses" if found.extras == "differ" else ""


def features(reading: Reading) -> dict[str, float]:
    """What the score of two names that are neither equal nor excluded is made of; all in [0, 1] but the cosines."""
    a, b, found, cosine = reading.a, reading.b, reading.found, reading.cosine
    left_a, left_b = len(found.only_a), len(found.only_b)
    replaced, added = bool(left_a and left_b), bool(left_a) != bool(left_b)
    one_for_one = left_a == 1 and left_b == 1
    reworded = found.heads and found.shared > 1 and bool(a.joints) != bool(b.joints)
    return {
        "constant": 1.0,
        "cosine": cosine,
        "replaced": float(replaced),
        "replaced_cosine": cosine * replaced,
        "left_cosine": reading.left,
        "one_left_cosine": reading.left * one_for_one,
        "added": float(added),
        "added_cosine": cosine * added,
        "added_reworded": float(added and reworded),
        "replaced_reworded": float(replaced and bool(a.joints) != bool(b.joints)),
        "shared": found.shared / max(len(a.words), len(b.words), 1) if replaced else 0.0,
        "one_for_one": float(one_for_one),
        "unshared": float(replaced and not found.shared),
        "other_heads": float(not found.heads),
        "single_words": float(len(a.words) == 1 and len(b.words) == 1),
        "alike": max((_alike(x, y) for x in found.only_a for y in found.only_b), default=0.0),
        "families": float(found.loose > 0),
        "member_apart": float(found.member_apart),
        "number_added": float(found.numbers == "extra"),
    }


def _alike(x: str, y: str) -> float:
    """Share of the longer word's letters that both have at their beginning or end."""
    most = min(len(x), len(y))
    start = next((at for at in range(most) if x[at] != y[at]), most)
    end = next((at for at in range(most - start) if x[-1 - at] != y[-1 - at]), most - start)
    return (start + end) / max(len(x), len(y))


def _plainer(a: Name, b: Name) -> Name:
    """The shorter of two names: what is asked of places must not depend on which name comes first."""
    return min(a, b, key=lambda name: (len(name.plain), name.plain))


def contexts(name: Name, a: Placed, b: Placed) -> tuple[str, str]:
    """The name of `a` as it would be read at either place."""
    above_a, above_b = (", ".join(reversed(one.place)) for one in (a, b))
    return f"{name.plain} ({above_a})", f"{name.plain} ({above_b})"


def sense(a: Name, b: Name, similarity: float) -> dict[str, float]:
    """What the probability of one meaning at two places is made of."""
    several = float(min(len(a.words), len(b.words)) > 1)
    return {"constant": 1.0, "context": similarity, "several_words": several}


def _logistic(coefficients: dict[str, float], values: dict[str, float]) -> float:
    return 1 / (1 + exp(-sum(coefficients[name] * value for name, value in values.items())))


def _sameness(found: Comparison) -> str:
    if found.abbreviated:
        return "one is an abbreviation"
    return "the same but for parentheses" if found.extras == "one" else "the same but for spelling, plural or order"


def _likeness(found: Comparison) -> str:
    if found.only_a and found.only_b:
        return "other words"
    if found.only_a or found.only_b:
        return "one says more"
    return "only general words differ" if found.light_a or found.light_b else "words of the same families"
