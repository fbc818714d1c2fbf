"""Writing problems, right ones and flawed ones, and reading from a statement what was planted in it.

What is planted, at the rates of the writing model:
- `wrong`: the stated answer is a plausible near miss;
- `ambiguous`: a needed quantity is missing, so there is no answer, though one is stated;
- `off_topic`: a sound problem about something else than the topic asked for;
- `duplicate`: the one problem that all duplicates of this server and subject share, so n of them make n - 1 repetitions;
- `leaked`: the answer is printed in the statement.
"""

from dataclasses import dataclass
from functools import lru_cache

from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.form import Form, show
from catena.engines.rehearsal.forms_discrete import DISCRETE
from catena.engines.rehearsal.forms_numbers import NUMBERS
from catena.engines.rehearsal.forms_science import SCIENCE
from catena.engines.rehearsal.references import PLANTED_KINDS, PlantedKind, Reference, references
from catena.engines.rehearsal.scenes import FOREIGN, LEAKS, framed, scene
from catena.engines.rehearsal.settings import PROBLEM_FLAWS, ModelSettings
from catena.records import AnswerKind

FORMS: tuple[Form, ...] = (*NUMBERS, *SCIENCE, *DISCRETE)
"""At most 64; a reference names its form by its place here."""

_LONGEST_TOPIC = 80


@dataclass(frozen=True, slots=True)
class Planted:
    """What is known about a problem that the rehearsal wrote.

    Attributes:
        reference: Names it, in its statement.
        planted: What was done to it.
        answer_type, unit: Of its answer.
        truth: Its answer; None where it is ambiguous.
        stated: The answer that its writer gave.
        wrong_answers: What plausible mistakes lead to; never the truth.
        difficulty: In [0, 1); the harder, the fewer solve it.
    """

    reference: str
    planted: PlantedKind
    form: str
    answer_type: AnswerKind
    unit: str | None
    truth: str | None
    stated: str
    wrong_answers: tuple[str, ...]
    difficulty: float

    @property
    def sound(self) -> bool:
        """Whether a judge should accept it."""
        return self.planted in ("right", "duplicate")


@dataclass(frozen=True, slots=True)
class Written:
    """A problem as its writer hands it in."""

    statement: str
    design: str
    planted: Planted


def planted(statement: str) -> Planted | None:
    """What was planted in the last problem that `statement` refers to; None where it refers to none.

    Line breaks, quotation, changed numbers or text around it do not matter, as long as the reference stands.
    """
    found = references(statement)
    return _planted(found[-1]) if found and found[-1].form < len(FORMS) else None


def write_problem(
    key: bytes, subject: str, topic: str, settings: ModelSettings, kinds: frozenset[str] | None = None
) -> Written:
    """A problem for `topic`, fixed by `key`.

    Args:
        key: Of the request.
        subject: Fixes the problem that duplicates share: server seed and first part of the topic's path.
        topic: Path of the topic, its parts joined by ` / `; may be empty.
        kinds: Types that the answer may have; None or none that is known leaves all.
    """
    draws = Draws(key, b"problem")
    kind = _flaw(draws.share(), settings)
    named = topic.split(" / ")[-1]
    if kind == "duplicate":
        draws, named = Draws(subject.encode("utf-8", "surrogatepass"), b"shared"), topic.split(" / ")[0]
    fits = _fitting(topic if kind != "duplicate" else named, kinds)
    form = draws.pick(fits[1] if kind == "off_topic" else fits[0])
    reference = Reference(draws.below(1 << 40).to_bytes(5, "big"), form, kind)
    if kind == "off_topic":
        named = draws.pick(FOREIGN)
    return _written(reference, " ".join(named.split())[:_LONGEST_TOPIC])


def _flaw(share: float, settings: ModelSettings) -> PlantedKind:
    for kind in PLANTED_KINDS[1:]:
        share -= getattr(settings, kind)
        if share < 0:
            return kind
    return "right"


@lru_cache(maxsize=10_000)
def _fitting(topic: str, kinds: frozenset[str] | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Indices of the forms that fit a topic and of those that do not; all of them where there are none."""
    folded = topic.casefold()
    allowed = tuple(index for index, form in enumerate(FORMS) if kinds is None or form.kind in kinds)
    all_forms = allowed or tuple(range(len(FORMS)))
    fitting = tuple(index for index in all_forms if any(word in folded for word in FORMS[index].topics))
    others = tuple(index for index in all_forms if index not in fitting)
    return fitting or all_forms, others or all_forms


def _written(reference: Reference, topic: str) -> Written:
    form, known = FORMS[reference.form], _planted(reference)
    draws = Draws(reference.problem, b"words")
    values = form.draw(Draws(reference.problem, b"numbers"))
    text = form.tell(draws.pick(form.wordings), values, scene(draws), blank=reference.planted == "ambiguous")
    statement = framed(text[0].upper() + text[1:], known.reference, topic, draws)
    if reference.planted == "leaked":
        statement += draws.pick(LEAKS).format(answer=known.stated)
    design = (
        f"Joins {form.name.replace('-', ' ')} with {topic or 'everyday counting'}; the answer follows in a few steps."
    )
    return Written(statement, design, known)


@lru_cache(maxsize=20_000)
def _planted(reference: Reference) -> Planted:
    form = FORMS[reference.form]
    values = form.draw(Draws(reference.problem, b"numbers"))
    value = form.solve(**values)
    truth, mistakes = show(value, form.kind), form.wrong_answers(values, value)
    draws = Draws(reference.problem, b"truth")
    miss, difficulty = draws.pick(mistakes), draws.share()
    kind = reference.planted
    return Planted(
        reference=str(reference),
        planted=kind,
        form=form.name,
        answer_type=form.kind,
        unit=form.unit,
        truth=None if kind == "ambiguous" else truth,
        stated=miss if kind == "wrong" else truth,
        wrong_answers=(truth, *mistakes) if kind == "ambiguous" else mistakes,
        difficulty=difficulty,
    )


assert tuple(PLANTED_KINDS[1:]) == PROBLEM_FLAWS
