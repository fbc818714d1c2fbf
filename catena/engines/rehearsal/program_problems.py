"""Writing program-backed problems, right ones and flawed ones, and reading what is known of any problem drawn from them.

The statement of each carries its reference: `(leaflet 3f9a2c71b04d2e)`. Whoever fills it with other values has a problem
that the server still knows: the values are read back from the text and the truth is computed from them. Planted, by FLAWS:
- `disagrees`: the stated answer is a plausible near miss, the program is right;
- `raises`: the program raises on some values, never on its own example;
- `ignores`: the program computes with the example's value of one parameter, whatever is given;
- `loops`: the program never ends on other values of one parameter;
- `reaches`: the program opens a file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from string import Formatter
from typing import Any

from catena.engines.rehearsal import problems
from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.form import show
from catena.engines.rehearsal.problems import Planted, Written
from catena.engines.rehearsal.program_forms import PROGRAM_FORMS, ProgramForm
from catena.engines.rehearsal.scenes import framed, scene
from catena.records import Value

FLAWS = {"disagrees": 0.06, "raises": 0.04, "ignores": 0.04, "loops": 0.02, "reaches": 0.02}
"""Share of the problems with each flaw; the same for all models."""
_KINDS = ("right", *FLAWS)
_LONGEST_TOPIC = 80
_REFERENCE = re.compile(r"leaflet\s+([0-9a-f]{14})(?![0-9a-f])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Leaflet:
    """Which problem it is: `problem [5 bytes]`, the index of its form in [0, 16), and what was planted."""

    problem: bytes
    form: int
    flaw: str

    def __str__(self) -> str:
        hidden = self.form << 3 | _KINDS.index(self.flaw)
        return f"{self.problem.hex()}{hidden ^ _digest(self.problem, b'mask'):02x}{_digest(self.problem, bytes([hidden])):02x}"

    @property
    def made_of(self) -> ProgramForm:
        """Its form."""
        return PROGRAM_FORMS[self.form]

    @property
    def example(self) -> dict[str, Value]:
        """The values with which it was stated."""
        values = self.made_of.form.draw(Draws(self.problem, b"numbers"))
        return {name: values[name] for name in self.made_of.names}


def write_program_problem(key: bytes, topic: str) -> tuple[Written, dict[str, Any]]:
    """A problem for `topic` with its program, fixed by `key`, and the fields of its reply."""
    draws = Draws(key, b"program")
    leaflet = Leaflet(draws.below(1 << 40).to_bytes(5, "big"), draws.pick(_fitting(topic)), _flaw(draws.share()))
    named = " ".join(topic.split(" / ")[-1].split())[:_LONGEST_TOPIC].replace("{", "(").replace("}", ")")
    form, example = leaflet.made_of, leaflet.example
    template = framed(_wording(leaflet), f"LEAFLET {leaflet}", named, Draws(leaflet.problem, b"frame"))
    template = template.replace("worksheet LEAFLET", "leaflet")
    known = _known(leaflet, tuple(example.items()))
    statement = template.format(**example)
    design = f"Joins {form.form.name.replace('-', ' ')} with {named or 'everyday counting'}, for any values in range."
    return Written(statement, design, known), {
        "design": design,
        "statement": template,
        "parameters": [
            {"name": name, "domain": _domain(*form.bounds[name]), "value": example[name]} for name in form.names
        ],
        "constraint": form.constraint,
        "solve": form.source(_sabotage(leaflet)),
        "steps": form.steps,
        "noun": form.noun,
        "answer_type": form.form.kind,
        "answer": known.stated,
        "unit": form.form.unit,
    }


def planted(statement: str) -> Planted | None:
    """What is known of a problem, plain or drawn from a program-backed one; None where it carries no reference."""
    leaflet = _leaflet(statement)
    if leaflet is None:
        return problems.planted(statement)
    match = _pattern(leaflet).search(statement)
    values = leaflet.example if match is None else {name: int(match[name]) for name in leaflet.made_of.names}
    return _known(leaflet, tuple(values.items()))


def _leaflet(text: str) -> Leaflet | None:
    """The last reference in `text` that is one."""
    for digits in reversed(_REFERENCE.findall(text)):
        problem = bytes.fromhex(digits[:10])
        hidden = int(digits[10:12], 16) ^ _digest(problem, b"mask")
        form, kind = hidden >> 3, hidden & 7
        if (
            int(digits[12:], 16) == _digest(problem, bytes([hidden]))
            and form < len(PROGRAM_FORMS)
            and kind < len(_KINDS)
        ):
            return Leaflet(problem, form, _KINDS[kind])
    return None


@lru_cache(maxsize=20_000)
def _known(leaflet: Leaflet, given: tuple[tuple[str, Value], ...]) -> Planted:
    values, form = dict(given), leaflet.made_of.form
    value = form.solve(**values)
    truth, mistakes = show(value, form.kind), form.wrong_answers(values, value)
    draws = Draws(leaflet.problem, b"truth")
    miss, difficulty = draws.pick(mistakes), draws.share()
    wrong = leaflet.flaw == "disagrees" and values == leaflet.example
    return Planted(
        reference=str(leaflet),
        planted="wrong" if wrong else "right",
        form=f"program/{form.name}/{leaflet.flaw}",
        answer_type=form.kind,
        unit=form.unit,
        truth=truth,
        stated=miss if wrong else truth,
        wrong_answers=mistakes,
        difficulty=difficulty,
    )


def _wording(leaflet: Leaflet) -> str:
    """The problem in words, with a placeholder for each parameter."""
    form, draws = leaflet.made_of, Draws(leaflet.problem, b"words")
    holes = {name: f"{{{name}}}{form.form.suffix.get(name, '')}" for name in form.names}
    text = draws.pick(form.form.wordings).format(**scene(draws), **holes)
    return text[0].upper() + text[1:]


@lru_cache(maxsize=4_000)
def _pattern(leaflet: Leaflet) -> re.Pattern[str]:
    """Finds the wording with any values; spaces may be line breaks."""
    parts, seen = list[str](), set[str]()
    for text, name, _, _ in Formatter().parse(_wording(leaflet)):
        parts.append(re.sub(r"(\\ )+", lambda _: r"\s+", re.escape(text)))
        if name is not None:
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>-?[0-9]+)")
            seen.add(name)
    return re.compile("".join(parts), re.IGNORECASE)


def _flaw(share: float) -> str:
    for kind, rate in FLAWS.items():
        share -= rate
        if share < 0:
            return kind
    return "right"


def _sabotage(leaflet: Leaflet) -> str:
    """What stands first in the program, by its flaw."""
    name = Draws(leaflet.problem, b"sabotage").pick(leaflet.made_of.names)
    value = leaflet.example[name]
    return {
        "raises": f"if ({name} - {value}) % 3 == 1:\n    raise ValueError('not defined here')",
        "ignores": f"{name} = {value}",
        "loops": f"while {name} != {value}:\n    pass",
        "reaches": "open('/etc/hostname').read()",
    }.get(leaflet.flaw, "")


@lru_cache(maxsize=10_000)
def _fitting(topic: str) -> tuple[int, ...]:
    """Indices of the forms that fit a topic; all of them where there are none."""
    folded, all_forms = topic.casefold(), tuple(range(len(PROGRAM_FORMS)))
    fits = tuple(index for index in all_forms if any(word in folded for word in PROGRAM_FORMS[index].form.topics))
    return fits or all_forms


def _domain(low: int, high: int) -> Mapping[str, Any]:
    return {"form": "whole", "low": low, "high": high, "step": 1, "options": None}


def _digest(problem: bytes, person: bytes) -> int:
    return blake2b(problem, digest_size=1, person=person).digest()[0]
