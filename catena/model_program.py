"""A truth that a model wrote as a program, run in the sandbox; it satisfies `catena.programs.Program`.

The text of a row is untrusted like the model's: everything is checked, nothing is executed outside of `catena.sandbox`.
Not here: the problem around it (`catena.model_atom`), and whether it can be trusted (`catena.generators.program_trials`).
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import get_args

from catena.domain_texts import LARGEST, check_domain, domain_fields, read_domain
from catena.domains import Domain
from catena.records import AnswerKind, Value
from catena.sandbox import MAX_SOURCE, Outcome, Sandbox, shared

PREFIX = "program:"
"""What the text of such a program begins with, in a row."""
KINDS: tuple[AnswerKind, ...] = ("integer", "rational", "real", "boolean", "string", "set", "sequence")
"""Kinds of answer that a program can return."""
MAX_PARAMETERS = 12
MAX_ITEMS = 50
MAX_CONDITION = 500
_MAX_TEXT = 3 * MAX_SOURCE
_LONGEST_STRING = 200
_EXACT_FLOAT = 2**53
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_CONDITION = "catena_condition"
_REMEMBERED = 4_096


class ProgramFailed(ArithmeticError):
    """A program gave no answer for these values; `constraint` refuses them."""


@dataclass(frozen=True)
class ModelProgram:
    """Parameters, the source of `solve`, and what values must satisfy together.

    Attributes:
        parameters: Domain of each parameter, by name; at least one.
        source: Defines the function `solve` of exactly these parameters.
        kind: Of the answer, one of `KINDS`.
        condition: An expression over the parameters; None accepts all values of the domains.
        sandbox: Where it runs; None takes the one of the process.

    Raises:
        ValueError: A bound is exceeded, or a name, kind or domain is not known.
    """

    parameters: Mapping[str, Domain] = field(hash=False)
    source: str
    kind: AnswerKind
    condition: str | None = None
    sandbox: Sandbox | None = field(default=None, compare=False, repr=False)
    _known: dict[tuple[Value, ...], tuple[bool, Outcome]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        if not 1 <= len(self.parameters) <= MAX_PARAMETERS:
            raise ValueError(f"a program has 1 to {MAX_PARAMETERS} parameters, got {len(self.parameters)}")
        for name, domain in self.parameters.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"a parameter's name is lower case, up to 32 characters, got {name[:80]!r}")
            check_domain(name, domain)
        if self.kind not in KINDS:
            raise ValueError(f"a program answers with one of {', '.join(KINDS)}, got {self.kind!r}")
        if len(self.source) > MAX_SOURCE // 2 or not re.search(r"^def[ \t]+solve\b", self.source, re.M):
            raise ValueError(f"the source must define 'solve', in at most {MAX_SOURCE // 2} characters")
        if self.condition is not None and (len(self.condition) > MAX_CONDITION or "\n" in self.condition):
            raise ValueError(f"a constraint is one line of at most {MAX_CONDITION} characters")

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        return tuple(self.parameters)

    @property
    def solve(self) -> Callable[..., Value]:
        """The truth from keyword arguments; blocks for about a millisecond.

        Raises:
            ProgramFailed: There is none; `constraint` refuses such values.
        """
        return self._solve

    @property
    def constraint(self) -> Callable[..., bool]:
        """Whether the condition holds and there is an answer."""
        return self._constraint

    def _solve(self, **values: Value) -> Value:
        _, outcome = self._tried(values)
        if outcome.value is None:
            raise ProgramFailed(f"{outcome.kind}: {outcome.text}")
        return outcome.value

    def _constraint(self, **values: Value) -> bool:
        holds, outcome = self._tried(values)
        return holds and outcome.is_value

    def _tried(self, values: Mapping[str, Value]) -> tuple[bool, Outcome]:
        """Whether the condition holds, and the answer, in one request; remembered, since callers ask for both."""
        key = tuple(values[name] for name in self.names)
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            functions = ("solve",) if self.condition is None else (_CONDITION, "solve")
            source = self.source if self.condition is None else self._conditioned
            *held, answer = self._sandbox.run(source, self._given([values]) * len(functions), function=functions)
            self._known[key] = all(one.value is True for one in held), self._conforming(answer)
        return self._known[key]

    def answers(self, draws: Sequence[Mapping[str, Value]]) -> list[Outcome]:
        """What `solve` gives for each of `draws`, in one session; an answer of another kind or out of bounds is `raised`."""
        return [self._conforming(outcome) for outcome in self._sandbox.run(self.source, self._given(draws))]

    async def answers_async(self, draws: Sequence[Mapping[str, Value]]) -> list[Outcome]:
        """`answers`, without holding up the event loop."""
        outcomes = await self._sandbox.run_async(self.source, self._given(draws))
        return [self._conforming(outcome) for outcome in outcomes]

    def holds(self, draws: Sequence[Mapping[str, Value]]) -> list[bool]:
        """Whether the condition holds, for each of `draws`."""
        if self.condition is None:
            return [True] * len(draws)
        outcomes = self._sandbox.run(self._conditioned, self._given(draws), function=_CONDITION)
        return [outcome.value is True for outcome in outcomes]

    async def holds_async(self, draws: Sequence[Mapping[str, Value]]) -> list[bool]:
        """`holds`, without holding up the event loop."""
        if self.condition is None:
            return [True] * len(draws)
        outcomes = await self._sandbox.run_async(self._conditioned, self._given(draws), function=_CONDITION)
        return [outcome.value is True for outcome in outcomes]

    def evaluate(self, expressions: Sequence[str], values: Mapping[str, Value]) -> list[Outcome]:
        """The outcome of untrusted expressions over parameters and what the source defines."""
        return self._sandbox.evaluate(self.source, expressions, self._given([values])[0])

    async def evaluate_async(self, expressions: Sequence[str], values: Mapping[str, Value]) -> list[Outcome]:
        """`evaluate`, without holding up the event loop."""
        return await self._sandbox.evaluate_async(self.source, expressions, self._given([values])[0])

    def to_text(self) -> str:
        """Canonical text: equal programs have equal text."""
        document = {
            "parameters": [[name, *domain_fields(domain)] for name, domain in self.parameters.items()],
            "kind": self.kind,
            "condition": self.condition,
            "source": self.source,
        }
        return PREFIX + json.dumps(document, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str, sandbox: Sandbox | None = None) -> "ModelProgram":
        """The program of a row; the text is not trusted.

        Raises:
            ValueError: The text is not the canonical text of a program within bounds.
        """
        if len(text) > _MAX_TEXT or not text.startswith(PREFIX):
            raise ValueError(f"not the text of a program: {text[:80]!r}; it begins with {PREFIX!r}")
        try:
            document = json.loads(text.removeprefix(PREFIX))
            parameters = {name: read_domain(fields) for name, *fields in document["parameters"]}
            program = cls(parameters, document["source"], document["kind"], document["condition"], sandbox)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise ValueError(f"not the text of a program ({error}): {text[:80]!r}") from error
        if program.to_text() != text:
            raise ValueError(f"not the text of a program (not canonical): {text[:80]!r}")
        return program

    @property
    def _sandbox(self) -> Sandbox:
        return self.sandbox or shared()

    @property
    def _conditioned(self) -> str:
        return f"{self.source}\ndef {_CONDITION}({', '.join(self.names)}):\n    return bool({self.condition})\n"

    def _given(self, draws: Sequence[Mapping[str, Value]]) -> list[dict[str, Value]]:
        """The arguments as the program gets them: floats instead of exact decimals where the answer is one anyway."""
        if self.kind != "real":
            return [dict(draw) for draw in draws]
        return [
            {name: float(value) if isinstance(value, Fraction) else value for name, value in draw.items()}
            for draw in draws
        ]

    def _conforming(self, outcome: Outcome) -> Outcome:
        if outcome.value is None:
            return outcome
        value = conform(outcome.value, self.kind)
        if value is None:
            return Outcome(
                "raised", None, f"result: {str(outcome.value)[:80]} is no answer of kind {self.kind} in bounds"
            )
        return Outcome("value", value)


def conform(value: Value, kind: AnswerKind) -> Value | None:
    """`value` as an answer of `kind`; None where it is none or out of bounds. Whole floats below 2**53 count as whole."""
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind == "string":
        return (
            value
            if isinstance(value, str) and 0 < len(value.strip()) <= _LONGEST_STRING and "\n" not in value
            else None
        )
    if kind in ("set", "sequence"):
        items = value if isinstance(value, tuple) and 0 < len(value) <= MAX_ITEMS else ()
        if not all(isinstance(item, str) or _number(item) is not None for item in items):
            return None
        return tuple(item if isinstance(item, str) else _number(item) for item in items) or None  # type: ignore[misc]
    number = _number(value)
    if number is None or (kind == "integer" and type(number) is not int):
        return None
    if kind == "rational":
        return None if isinstance(number, float) else number
    return float(number) if kind == "real" else number


def _number(value: Value) -> int | Fraction | float | None:
    if isinstance(value, bool | str | tuple):
        return None
    if isinstance(value, float):
        if value.is_integer() and abs(value) < min(_EXACT_FLOAT, LARGEST):
            return int(value)
        return value if abs(value) <= LARGEST else None
    return value if max(abs(value.numerator), value.denominator) <= LARGEST else None


assert set(KINDS) <= set(get_args(AnswerKind))
