"""How a graph of any shape is said in prose: lettered parts, carried quantities as letters, and the worked solution.

The statement prints no wanted answer; the solution works out each part in an order in which it can be done.
"""

from collections.abc import Sequence
from random import Random

from catena.adapters import adapt, describe, symbols
from catena.domains import Whole
from catena.generators.graph_parts import Drawn, Part, inverted
from catena.generators.wording import INTRODUCTIONS, number_word, part_name, quantity_name
from catena.graphs import REPEAT, RESTS, active_links
from catena.records import Condition, Link, Value
from catena.values import say

_SHUFFLED = (
    "The {parts} parts below are in no particular order; some need the answers of others.\n",
    "Work out which parts to begin with: the {parts} parts below are listed in no particular order.\n",
)
_OPENINGS = ("", "This problem has {parts} parts, some of which use the answers of others.\n")
_EXTRA = "Not every part is needed.\n"
_ONE = (
    "Give the answer to Part {part}.",
    "What is the answer to Part {part}?",
    "Report only the answer to Part {part}.",
)
_MANY = (
    "Give the answers to Parts {parts}, in this order, as a list in parentheses without units.",
    "Report the answers to Parts {parts} as a list in parentheses, in this order and without units.",
)
_TESTS = {
    ("over", True): "is more than {0}",
    ("over", False): "is not more than {0}",
    ("even", True): "is even",
    ("even", False): "is odd",
    ("true", True): "is true",
    ("true", False): "is false",
}


class Telling:
    """One graph on its way into words: which part every node is, and what its quantities are called."""

    def __init__(self, drawn: Drawn, rng: Random) -> None:
        self.parts, self.unknown, self.skeleton = drawn.parts, drawn.unknown, drawn.skeleton
        self.answers: list[Value] = [part.answer for part in drawn.parts]
        self.choice = int(rng.random() * 36)
        self.listing = self.skeleton.order or tuple(range(len(self.parts)))
        self.name = {node: part_name(place) for place, node in enumerate(self.listing)}
        self.letters: dict[tuple[int, str], str] = {}
        for node in self.listing:
            self._name_quantities(node, self.parts[node])

    def _name_quantities(self, node: int, part: Part) -> None:
        names = [link.parameter for link in part.links] + ([part.loop.parameter] if part.loop else [])
        if self.unknown is not None and self.unknown.node == node:
            names.append(self.unknown.parameter)
        for name in dict.fromkeys(names):
            self.letters[node, name] = quantity_name(len(self.letters))

    def statement(self) -> str:
        """The problem as a reader sees it."""
        openings = _SHUFFLED if self.skeleton.order else _OPENINGS
        said = [openings[self.choice % 2].format(parts=number_word(len(self.parts)))]
        if self.skeleton.distractors and self.choice % 4 < 2:
            said.append(_EXTRA)
        said.extend(f"Part {self.name[node]}: {self._told(node)}\n" for node in self.listing)
        if self.unknown is not None:
            answer = say(self.parts[self.unknown.target].answer)
            letter = self.letters[self.unknown.node, self.unknown.parameter]
            said.append(
                f"The answer to Part {self.name[self.unknown.target]} is known to be {answer}; find {letter} from it.\n"
            )
        return "".join(said) + self._request()

    def _request(self) -> str:
        asked = sorted(self.skeleton.asked, key=self.listing.index)
        if len(asked) == 1:
            return _ONE[self.choice % 3].format(part=self.name[asked[0]])
        names = [self.name[node] for node in self.skeleton.asked]
        return _MANY[self.choice % 2].format(parts=", ".join(names[:-1]) + " and " + names[-1])

    def _told(self, node: int) -> str:
        part = self.parts[node]
        said: list[str] = []
        conditional = [link for link in part.links if link.when is not None]
        for number, link in enumerate(link for link in part.links if link.when is None and link.parameter != REPEAT):
            said.append(
                INTRODUCTIONS[(self.choice + number) % 3].format(
                    letter=self.letters[node, link.parameter], what=self._what(link)
                )
            )
        if conditional:
            said.append(self._decision(node, conditional))
        if self.unknown is not None and self.unknown.node == node:
            said.append(self._hidden(node))
        sentence = self.sentence(node)
        return "".join(said) + (sentence if part.loop is None else self._looped(node, sentence))

    def sentence(self, node: int) -> str:
        """The node's own words, with letters for what is carried."""
        part = self.parts[node]
        said = {
            name: self.letters.get((node, name)) or (value if type(value) is int else say(value))
            for name, value in part.values.items()
        }
        return part.prepared.source.wordings[part.wording].format_map(said)

    def _reference(self, node: int) -> str:
        return f"{self.parts[node].prepared.source.noun} found in Part {self.name[node]}"

    def _what(self, link: Link) -> str:
        return describe(link.adapter, self._reference(link.parent))

    def _tested(self, condition: Condition) -> str:
        if condition.test == "true":
            return f"the answer to Part {self.name[condition.node]} is {'true' if condition.holds else 'false'} (yes or no)"
        words = _TESTS[condition.test, condition.holds].format(condition.argument)
        return f"{self._reference(condition.node)} {words}"

    def _decision(self, node: int, links: Sequence[Link]) -> str:
        groups: dict[Condition, list[Link]] = {}
        for link in links:
            assert link.when is not None
            groups.setdefault(link.when, []).append(link)
        first = next(iter(groups))
        if first.test in RESTS:
            cases = "; ".join(
                f"if it is {when.argument}, let {self._given(node, each)}" for when, each in groups.items()
            )
            divided = f"{self._reference(first.node)} is divided by {RESTS[first.test]}"
            return f"Take the remainder when {divided}: {cases}. "
        (one, holding), (_, other) = sorted(
            groups.items(), key=lambda group: group[0].holds is not bool(self.choice % 2)
        )
        return f"If {self._tested(one)}, let {self._given(node, holding)}; otherwise let {self._given(node, other)}. "

    def _given(self, node: int, links: Sequence[Link]) -> str:
        return " and let ".join(f"{self.letters[node, link.parameter]} be {self._what(link)}" for link in links)

    def _hidden(self, node: int) -> str:
        assert self.unknown is not None
        domain = self.parts[node].prepared.source.parameters[self.unknown.parameter]
        assert isinstance(domain, Whole)
        letter = self.letters[node, self.unknown.parameter]
        return f"Here {letter} is an unknown whole number from {domain.low} to {domain.high}. "

    def _looped(self, node: int, sentence: str) -> str:
        part = self.parts[node]
        loop, letter = part.loop, self.letters[node, part.loop.parameter if part.loop else ""]
        assert loop is not None
        times = next(link for link in part.links if link.parameter == REPEAT)
        carried = any(link.parameter == loop.parameter for link in part.links)
        begun = "" if carried else f" The first time, {letter} is {say(part.values[loop.parameter])}."
        count = self.letters[node, REPEAT]
        return (
            f"Let {count} be {self._what(times)}. Answer the following question {count} times in a row:"
            f" “{sentence}”{begun} Each time after the first, {letter} is {describe(loop.adapter, 'the answer just found')}."
            f" The answer to Part {self.name[node]} is the one found the last time."
        )

    def solution(self) -> str:
        """Every needed part worked out, one line each."""
        path = inverted(self.skeleton)
        lines = []
        for node in range(len(self.parts)):
            if node in self.skeleton.distractors:
                continue
            if path and node == path[0]:
                lines.append(self._found())
            lines.append(f"Part {self.name[node]}: {self._worked(node)}")
        if self.skeleton.distractors:
            names = [self.name[node] for node in self.skeleton.distractors]
            lines.append(
                f"{'Parts' if len(names) > 1 else 'Part'} {', '.join(names)} {'are' if len(names) > 1 else 'is'} not needed."
            )
        return "\n".join(lines)

    def _found(self) -> str:
        assert self.unknown is not None
        letter = self.letters[self.unknown.node, self.unknown.parameter]
        value = say(self.parts[self.unknown.node].values[self.unknown.parameter])
        target = self.unknown.target
        return (
            f"Going back from the answer {say(self.parts[target].answer)} of Part {self.name[target]}, only {letter} = {value}"
            " fits, as the parts show."
        )

    def _worked(self, node: int) -> str:
        part = self.parts[node]
        said = [self._carried(node, link) for link in active_links(part.links, self.answers)]
        steps = part.prepared.source.steps
        if part.loop is None:
            return " ".join([*said, steps(**part.values)])
        given, loop = dict(part.values), part.loop
        for time in range(1, loop.times + 1):
            said.append(f"Time {time}: {steps(**given)}")
            if time < loop.times:
                before = part.prepared.source.solve(**given)
                given[loop.parameter] = adapt(loop.adapter, before)
                if loop.adapter.op != "identity":
                    words = describe(loop.adapter, say(before))
                    said.append(
                        f"{self.letters[node, loop.parameter]} becomes {words}, which is {say(given[loop.parameter])}."
                    )
        return " ".join(said)

    def _carried(self, node: int, link: Link) -> str:
        part, parent = self.parts[node], self.parts[link.parent]
        letter = self.letters[node, link.parameter]
        value = say(part.loop.times if link.parameter == REPEAT and part.loop else part.values[link.parameter])
        answer = say(parent.answer)
        arithmetic = symbols(link.adapter, answer)
        first = link.when is not None and link is next(one for one in part.links if one.when == link.when)
        reason = f"{self._settled(link.when)} " if link.when is not None and first else ""
        if not arithmetic:
            return f"{reason}{letter} is {describe(link.adapter, answer)}, so {letter} = {value}."
        return (
            f"{reason}{letter} = {arithmetic}."
            if arithmetic == value
            else f"{reason}{letter} = {arithmetic} = {value}."
        )

    def _settled(self, condition: Condition) -> str:
        answer = self.parts[condition.node].answer
        name = self.name[condition.node]
        shown = ("yes" if answer else "no") if isinstance(answer, bool) else say(answer)
        if condition.test == "true":
            return f"The answer to Part {name} is {shown}."
        if condition.test in RESTS:
            return (
                f"In Part {name}, {shown} divided by {RESTS[condition.test]} leaves the remainder {condition.argument}."
            )
        return f"In Part {name}, {shown} {_TESTS[condition.test, condition.holds].format(condition.argument)}."


def tell(drawn: Drawn, rng: Random) -> tuple[str, str]:
    """Statement and worked solution of a graph."""
    telling = Telling(drawn, rng)
    return telling.statement(), telling.solution()
