"""Reads the lines of a trace again and holds every one of them against the puzzle, without the code that wrote it."""

import re
from collections.abc import Hashable, Iterable, Mapping
from itertools import combinations, pairwise, permutations, product
from typing import Any, Protocol

ITEM = re.compile(r"([^,(]+?) no \((.*?)\)(?=, |; )")


class Referee(Protocol):
    def start(self) -> Hashable: ...
    def apply(self, state: Any, label: str) -> Hashable: ...
    def said(self, state: Any, line: str) -> None: ...
    def dead(self, state: Any, why: str) -> None: ...
    def spent(self, state: Any, tried: set[str], claim: str) -> None: ...
    def score(self, state: Any) -> int: ...
    def solved(self, state: Any, answer: str) -> bool: ...


def follow(referee: Referee, lines: Iterable[str]) -> int:
    """Checks every line; returns how many claims were checked."""
    stack: list[tuple[Any, str, set[str]]] = [(referee.start(), "", set())]
    numbered: dict[int, Any] = {}
    waiting: set[int] = set()
    seen, opened, checked, in_attempts, last = {referee.start()}, 0, 0, False, referee.start()
    for line in lines:
        checked += 1
        if line.startswith(("Search ", "Make ", "Only whole")):
            checked -= 1
        elif match := re.fullmatch(r"Try (.*)\.", line):
            stack[-1][2].add(match[1])
            last = referee.apply(stack[-1][0], match[1])
            assert last not in seen
            seen.add(last)
            stack.append((last, match[1], set()))
        elif match := re.fullmatch(r"Skip (.*): reached before\.", line):
            base = numbered[opened] if numbered else stack[-1][0]
            stack[-1][2].add(match[1])
            assert referee.apply(base, match[1]) in seen
        elif match := re.fullmatch(r"Dead end: (.*)\.", line):
            referee.dead(numbered[opened] if numbered else stack[-1][0], match[1])
        elif line.startswith("Back: "):
            state, label, tried = stack.pop()
            claim = line.removeprefix(f"Back: {label} ")
            assert claim != line
            referee.spent(state, tried, claim.rstrip("."))
        elif line == "State 0: the start.":
            numbered[0], waiting = referee.start(), {0}
        elif match := re.fullmatch(r"Open state (\d+)(?:, score (\d+))?\.", line):
            opened = int(match[1])
            if match[2] is None:
                assert opened == min(waiting)
            else:
                scores = {number: referee.score(numbered[number]) for number in waiting}
                assert int(match[2]) == scores[opened] == min(scores.values())
            waiting.remove(opened)
        elif match := re.fullmatch(r"State (\d+): state (\d+) with (.*)\.", line):
            assert int(match[1]) == len(numbered)
            assert int(match[2]) == opened
            last = referee.apply(numbered[opened], match[3])
            assert last not in seen
            seen.add(last)
            numbered[int(match[1])] = last
            waiting.add(int(match[1]))
        elif re.fullmatch(r"Attempt \d+\.", line):
            in_attempts, last, seen = True, referee.start(), {referee.start()}
        elif match := re.fullmatch(r"Take (.*)\.", line):
            last = referee.apply(last, match[1])
            assert last not in seen
            seen.add(last)
        elif match := re.fullmatch(r"Attempt \d+ fails: (.*)\.", line):
            referee.dead(last, match[1])
        elif match := re.fullmatch(r"Solved: (.*)", line):
            assert referee.solved(last, match[1])
        else:
            referee.said(last if in_attempts else numbered[opened] if numbered else stack[-1][0], line)
    return checked


class Assigning:
    """Puzzles that give names values: every refusal is checked for its reason and against all solutions, found by brute force."""

    def __init__(
        self, domains: Mapping[str, Any], given: dict[str, str], solutions: list[dict[str, str]], reasons: Any
    ) -> None:
        assert solutions
        self.domains, self.given, self.solutions, self.reasons = domains, given, solutions, reasons
        self.looked: dict[Any, tuple[str, list[str]]] = {}

    def start(self) -> Hashable:
        return frozenset(self.given.items())

    def apply(self, state: Any, label: str) -> Hashable:
        name, value = label.split(" = ")
        assert state in self.looked
        assert self.looked[state][0] == name
        assert value in self.looked[state][1]
        return frozenset({**dict(state), name: value}.items())

    def said(self, state: Any, line: str) -> None:
        name, rest = line.split(": ", 1)
        refused, possible = rest.rstrip(".").rsplit("possible: ", 1)
        listed = [] if possible == "nothing" else possible.split(", ")
        named = [value for value, _ in (match.groups() for match in ITEM.finditer(refused))]
        assert sorted([value.strip() for value in named] + listed) == sorted(self.domains[name]), line
        assert name not in dict(state)
        self.looked[state] = name, listed
        for value, why in (match.groups() for match in ITEM.finditer(refused)):
            assert self.reasons(dict(state), name, value.strip(), why), line
            assert not self.extending(state, name, value.strip()), line

    def extending(self, state: Any, *further: str) -> bool:
        wanted = dict(state) | ({further[0]: further[1]} if further else {})
        return any(all(solution[name] == value for name, value in wanted.items()) for solution in self.solutions)

    def dead(self, state: Any, why: str) -> None:
        assert state in self.looked
        name, listed = self.looked[state]
        assert why == f"nothing fits {name}"
        assert not listed
        assert not self.extending(state)

    def spent(self, state: Any, tried: set[str], claim: str) -> None:
        assert claim == "leads nowhere"
        assert not self.extending(state)

    def score(self, state: Any) -> int:
        return len(self.domains) - len(dict(state))

    def solved(self, state: Any, answer: str) -> bool:
        return dict(state) in self.solutions


class Moving:
    """Puzzles of moves: `moves` gives every label with its state, `goal` and `distance` say where to go."""

    def __init__(self, start: Hashable, moves: Any, goal: Any, distance: Any, dead: Any, spent: Any) -> None:
        self._start, self.moves, self.goal, self.distance, self._dead, self._spent = (
            start,
            moves,
            goal,
            distance,
            dead,
            spent,
        )

    def start(self) -> Hashable:
        return self._start

    def apply(self, state: Any, label: str) -> Hashable:
        return self.moves(state)[label]

    def said(self, state: Any, line: str) -> None:
        raise AssertionError(line)

    def dead(self, state: Any, why: str) -> None:
        assert self._dead(state, why), (state, why)

    def spent(self, state: Any, tried: set[str], claim: str) -> None:
        assert self._spent(state, tried, claim), (state, claim)

    def score(self, state: Any) -> int:
        return self.distance(state)

    def solved(self, state: Any, answer: str) -> bool:
        return self.goal(state)


def grid_names(size: int) -> list[str]:
    return [f"r{row}c{column}" for row in range(1, size + 1) for column in range(1, size + 1)]


def where(name: str) -> tuple[int, int]:
    row, column = map(int, re.fullmatch(r"r(\d+)c(\d+)", name).groups())  # type: ignore[union-attr]
    return row, column


def sudoku_solutions(size: int, givens: str) -> list[dict[str, str]]:
    """Exact cover (Knuth's Algorithm X) with sets."""
    high, wide = {4: (2, 2), 6: (2, 3), 9: (3, 3)}[size]
    choices: dict[Any, list[Any]] = {}
    for row, column, digit in product(range(size), range(size), range(1, size + 1)):
        given = givens[row * size + column]
        if given in (".", str(digit)):
            box = row // high * high + column // wide
            choices[row, column, digit] = [
                ("cell", row, column),
                ("row", row, digit),
                ("col", column, digit),
                ("box", box, digit),
            ]
    needs: dict[Any, set[Any]] = {}
    for choice, covered in choices.items():
        for need in covered:
            needs.setdefault(need, set()).add(choice)
    if len(needs) < 4 * size * size:
        return []
    found: list[dict[str, str]] = []

    def cover(left: dict[Any, set[Any]], taken: list[Any]) -> None:
        if not left:
            found.append({f"r{row + 1}c{column + 1}": str(digit) for row, column, digit in taken})
            return
        need = min(left, key=lambda one: len(left[one]))
        for choice in left[need]:
            gone = {other for one in choices[choice] if one in left for other in left[one]}
            rest = {one: options - gone for one, options in left.items() if one not in choices[choice]}
            cover(rest, [*taken, choice])

    cover(needs, [])
    return found


def grid_reasons(size: int, less: list[list[int]] | None = None) -> Any:
    names = grid_names(size)
    high, wide = {4: (2, 2), 5: (1, 5), 6: (2, 3), 9: (3, 3)}[size]

    def holds(state: dict[str, str], name: str, value: str, why: str) -> bool:
        (row, column), at = where(name), re.search(r"at (r\d+c\d+)$", why)
        assert at
        other = where(at[1])
        there = state.get(at[1])
        if match := re.match(r"(row|column) (\d+) has it", why):
            side = 0 if match[1] == "row" else 1
            return there == value and other[side] == (row, column)[side] == int(match[2]) and other != (row, column)
        if why.startswith("the box has it"):
            same = (other[0] - 1) // high == (row - 1) // high and (other[1] - 1) // wide == (column - 1) // wide
            return there == value and same
        match = re.match(r"it must be (less|more) than (\d+)", why)
        assert match
        assert less is not None
        pair = [names.index(name), names.index(at[1])]
        if match[1] == "less":
            return there == match[2] and pair in less and int(value) >= int(match[2])
        return there == match[2] and pair[::-1] in less and int(value) <= int(match[2])

    return holds


def sudoku(data: dict[str, Any]) -> Assigning:
    size, names = data["size"], grid_names(data["size"])
    digits = [str(digit) for digit in range(1, size + 1)]
    given = {name: digit for name, digit in zip(names, data["givens"], strict=True) if digit != "."}
    return Assigning(dict.fromkeys(names, digits), given, sudoku_solutions(size, data["givens"]), grid_reasons(size))


def futoshiki(data: dict[str, Any]) -> Assigning:
    size, names = data["size"], grid_names(data["size"])
    digits = [str(digit) for digit in range(1, size + 1)]
    found = []
    lines = [
        [line for line in permutations(digits) if all(g in (".", d) for g, d in zip(data["givens"][at : at + size], line, strict=True))]
        for at in range(0, size * size, size)
    ]  # fmt: skip

    def add(rows: list[tuple[str, ...]]) -> None:
        if len(rows) == size:
            cells = [digit for row in rows for digit in row]
            if all(cells[small] < cells[large] for small, large in data["less"]):
                found.append(dict(zip(names, cells, strict=True)))
            return
        for line in lines[len(rows)]:
            if all(line[column] != row[column] for row in rows for column in range(size)):
                add([*rows, line])

    add([])
    given = {name: digit for name, digit in zip(names, data["givens"], strict=True) if digit != "."}
    return Assigning(dict.fromkeys(names, digits), given, found, grid_reasons(size, data["less"]))


def queens(data: dict[str, Any]) -> Assigning:
    size, names = data["size"], [f"row {row}" for row in range(1, data["size"] + 1)]
    found = []
    for columns in permutations(range(1, size + 1)):
        if all(given in (0, column) for given, column in zip(data["placed"], columns, strict=True)):
            sums = {row + column for row, column in enumerate(columns)}
            gaps = {row - column for row, column in enumerate(columns)}
            if len(sums) == len(gaps) == size:
                found.append(dict(zip(names, map(str, columns), strict=True)))

    def reasons(state: dict[str, str], name: str, value: str, why: str) -> bool:
        other = re.search(r"row \d+", why)
        assert other
        there = int(state[other[0]])
        if "in this column" in why:
            return there == int(value)
        return abs(there - int(value)) == abs(int(other[0][4:]) - int(name[4:]))

    given = {name: str(column) for name, column in zip(names, data["placed"], strict=True) if column}
    return Assigning({name: [str(c) for c in range(1, size + 1)] for name in names}, given, found, reasons)


def colouring(data: dict[str, Any]) -> Assigning:
    nodes, edges = data["nodes"], [tuple(edge) for edge in data["edges"]]
    found = [
        picked
        for colours in product(data["colours"], repeat=len(nodes))
        if all((picked := dict(zip(nodes, colours, strict=True)))[a] != picked[b] for a, b in edges)
        and picked.items() >= data["given"].items()
    ]

    def reasons(state: dict[str, str], name: str, value: str, why: str) -> bool:
        match = re.fullmatch(r"its neighbour (\w+) is (\w+)", why)
        assert match
        return state[match[1]] == match[2] == value and bool({(name, match[1]), (match[1], name)} & set(edges))

    return Assigning(dict.fromkeys(nodes, data["colours"]), data["given"], found, reasons)


def subset_sum(data: dict[str, Any]) -> Assigning:
    numbers, target = data["numbers"], data["target"]
    found = [
        {str(number): "in" if number in chosen else "out" for number in numbers}
        for count in range(len(numbers) + 1)
        for chosen in combinations(numbers, count)
        if sum(chosen) == target
    ]

    def reasons(state: dict[str, str], name: str, value: str, why: str) -> bool:
        now = {**state, name: value}
        total = sum(int(number) for number, side in now.items() if side == "in")
        rest = sum(number for number in numbers if str(number) not in now)
        if why.startswith("even"):
            return int(why.split()[-1]) == total + rest < target
        return int(why.split()[-1]) == total > target

    return Assigning({str(number): ["in", "out"] for number in numbers}, {}, found, reasons)


def sat(data: dict[str, Any]) -> Assigning:
    names = [f"x{number}" for number in range(1, data["variables"] + 1)]
    found = []
    for truths in product((True, False), repeat=len(names)):
        if all(any(truths[abs(one) - 1] is (one > 0) for one in clause) for clause in data["clauses"]):
            found.append({name: str(truth).lower() for name, truth in zip(names, truths, strict=True)})

    def reasons(state: dict[str, str], name: str, value: str, why: str) -> bool:
        match = re.fullmatch(r"clause (\d+) (\(.*\)) would fail", why)
        assert match
        clause, now = data["clauses"][int(match[1]) - 1], {**state, name: value}
        words = "(" + " or ".join(f"x{one}" if one > 0 else f"not x{-one}" for one in clause) + ")"
        return words == match[2] and all(now.get(f"x{abs(one)}") == str(one < 0).lower() for one in clause)

    return Assigning({name: ["true", "false"] for name in names}, {}, found, reasons)


def hamilton(data: dict[str, Any]) -> Assigning:
    nodes, edges = data["nodes"], {frozenset(edge) for edge in data["edges"]}
    names = [f"place {place}" for place in range(1, len(nodes) + 1)]
    found = []
    for path in permutations([node for node in nodes if node != data["start"]]):
        whole = (data["start"], *path)
        if all(frozenset(pair) in edges for pair in pairwise(whole)):
            found.append(dict(zip(names, whole, strict=True)))

    def reasons(state: dict[str, str], name: str, value: str, why: str) -> bool:
        if why == "visited":
            return value in state.values()
        before = state[f"place {int(name.split()[1]) - 1}"]
        return why == f"no road from {before}" and frozenset((before, value)) not in edges

    return Assigning(dict.fromkeys(names, nodes), {names[0]: data["start"]}, found, reasons)


def truth(formula: list[Any], knights: dict[str, bool]) -> bool:
    match formula:
        case ["knight", name]:
            return knights[name]
        case ["knave", name]:
            return not knights[name]
        case ["same", one, other]:
            return knights[one] is knights[other]
        case ["differ", one, other]:
            return knights[one] is not knights[other]
        case ["and", one, other]:
            return truth(one, knights) and truth(other, knights)
        case ["or", one, other]:
            return truth(one, knights) or truth(other, knights)
    raise AssertionError(formula)


def knights(data: dict[str, Any]) -> Assigning:
    people, found = data["people"], []
    for roles in product((True, False), repeat=len(people)):
        guess = dict(zip(people, roles, strict=True))
        if all(truth(formula, guess) is guess[speaker] for speaker, formula in data["statements"]):
            found.append({name: "knight" if role else "knave" for name, role in guess.items()})

    def reasons(state: dict[str, str], name: str, value: str, why: str) -> bool:
        match = re.fullmatch(r"(\w+), a (knight|knave), would have said something (true|false)", why)
        assert match
        now = {**state, name: value}
        roles = {person: role == "knight" for person, role in now.items()}
        formula = dict(map(tuple, data["statements"]))[match[1]]
        said = truth(formula, roles)
        return now[match[1]] == match[2] and str(said).lower() == match[3] and said is not roles[match[1]]

    return Assigning({name: ["knight", "knave"] for name in people}, {}, found, reasons)


SENTENCES = {
    r"(\w+) is in house (\d+)": lambda a, b: a == b,
    r"(\w+) and (\w+) are in the same house": lambda a, b: a == b,
    r"(\w+) is next door to (\w+)": lambda a, b: abs(a - b) == 1,
    r"(\w+) is in the house just left of that of (\w+)": lambda a, b: a + 1 == b,
    r"(\w+) is somewhere left of (\w+)": lambda a, b: a < b,
}


def sentence_holds(sentence: str, houses: dict[str, int]) -> bool:
    for pattern, test in SENTENCES.items():
        if match := re.fullmatch(pattern, sentence):
            return bool(test(houses[match[1]], int(match[2]) if match[2].isdigit() else houses[match[2]]))
    raise AssertionError(sentence)


def zebra(data: dict[str, Any], statement: str) -> Assigning:
    size, groups = data["size"], list(data["categories"].values())
    sentences = [match[0] for pattern in SENTENCES for match in re.finditer(rf"\b{pattern}\b", statement)]
    assert len(sentences) == len(data["clues"])
    items = [item for group in groups for item in group]
    found = []
    for orders in product(*(permutations(range(1, size + 1)) for _ in groups)):
        houses = dict(zip(items, (house for order in orders for house in order), strict=True))
        if all(sentence_holds(sentence, houses) for sentence in sentences):
            found.append({item: f"house {house}" for item, house in houses.items()})

    def reasons(state: dict[str, str], name: str, value: str, why: str) -> bool:
        now = {item: int(house.split()[1]) for item, house in {**state, name: value}.items()}
        if match := re.fullmatch(r"(\w+) is there", why):
            group = next(group for group in groups if name in group)
            return match[1] in group and match[1] != name and state.get(match[1]) == value
        sentence = why.removeprefix("against: ")
        return sentence in sentences and not sentence_holds(sentence, now)

    domains = {name: [f"house {house}" for house in range(1, size + 1)] for name in items}
    return Assigning(domains, {}, found, reasons)


def cryptarithm(data: dict[str, Any]) -> Assigning:
    (one, other), total = data["addends"], data["sum"]
    letters, found = sorted(set(one + other + total)), []
    for a, b in product(range(10 ** (len(one) - 1), 10 ** len(one)), range(10 ** (len(other) - 1), 10 ** len(other))):
        if len(str(a + b)) == len(total):
            pairs = set(zip(one + other + total, f"{a}{b}{a + b}", strict=True))
            known = {(letter, str(digit)) for letter, digit in data["given"].items()}
            if len(pairs) == len(letters) == len({digit for _, digit in pairs}) and known <= pairs:
                found.append(dict(pairs))

    def reasons(state: dict[str, str], name: str, value: str, why: str) -> bool:
        now = {**state, name: value}
        if match := re.fullmatch(r"it is (\w)", why):
            return state[match[1]] == value
        if why == "a number would begin with 0":
            return value == "0" and name in (one[0], other[0], total[0])
        match = re.fullmatch(r"column (\d+) from the right would end in (\d), not (\d)", why)
        known = int(match[1]) if match else len(total)
        parts = [int("".join(now[letter] for letter in word[-known:])) for word in (one, other)]
        if match:
            ends = sum(parts) // 10 ** (known - 1) % 10
            return ends == int(match[2]) and now[total[-known]] == match[3] and ends != int(match[3])
        return why == "a carry would be left over" and sum(parts) >= 10 ** len(total)

    given = {letter: str(digit) for letter, digit in data["given"].items()}
    return Assigning({name: [str(digit) for digit in range(10)] for name in letters}, given, found, reasons)


def countdown(data: dict[str, Any]) -> Moving:
    target = data["target"]

    def moves(state: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        found = {}
        for a, b in permutations(range(len(state)), 2):
            x, y = state[a], state[b]
            rest = [value for at, value in enumerate(state) if at not in (a, b)]
            made = (
                {"+": x + y, "*": x * y}
                | ({"-": x - y} if x >= y else {})
                | ({"/": x // y} if y and x % y == 0 and x >= y else {})
            )
            for sign, value in made.items():
                after = tuple(sorted([*rest, value]))
                found[f"{x} {sign} {y} = {value}, leaving {', '.join(map(str, after))}"] = after
        return found

    def reaches(state: tuple[int, ...]) -> bool:
        return state == (target,) or any(reaches(after) for after in set(moves(state).values()))

    return Moving(
        tuple(sorted(data["numbers"])), moves, lambda state: state == (target,),
        lambda state: min(abs(value - target) for value in state),
        lambda state, why: len(state) == 1 and why == f"only {state[0]} is left, not {target}" and state[0] != target,
        lambda state, tried, claim: claim == "leads nowhere with whole results" and not reaches(state),
    )  # fmt: skip


def jugs(data: dict[str, Any]) -> Moving:
    sizes, target = data["capacities"], data["target"]
    names = "ABC"[: len(sizes)]

    def moves(state: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        found = {}
        for a in range(len(sizes)):
            tries = {f"fill {names[a]}": {a: sizes[a]}, f"empty {names[a]}": {a: 0}}
            for b in range(len(sizes)):
                if a != b:
                    total = state[a] + state[b]
                    tries[f"pour {names[a]} to {names[b]}"] = {a: max(0, total - sizes[b]), b: min(sizes[b], total)}
            for name, change in tries.items():
                after = tuple(change.get(jug, level) for jug, level in enumerate(state))
                if after != state:
                    shown = ", ".join(f"{jug} {level}" for jug, level in zip(names, after, strict=True))
                    found[f"{name} giving {shown}"] = after
        return found

    return Moving(
        (0,) * len(sizes), moves, lambda state: target in state, lambda state: min(abs(level - target) for level in state),
        lambda state, why: target not in state and (why.startswith("every move leads back") or why == "no solution after 14 moves"),
        lambda state, tried, claim: claim == "has no move left to try" and tried == set(moves(state)),
    )  # fmt: skip


def maze(data: dict[str, Any]) -> Moving:
    cells = {
        (row, column): sign for row, line in enumerate(data["grid"]) for column, sign in enumerate(line) if sign != "#"
    }
    start, end = (next(place for place, sign in cells.items() if sign == wanted) for wanted in "SE")
    steps = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}

    def moves(state: tuple[int, int]) -> dict[str, tuple[int, int]]:
        there = {step: (state[0] + down, state[1] + right) for step, (down, right) in steps.items()}
        return {f"{step} to r{r + 1}c{c + 1}": (r, c) for step, (r, c) in there.items() if (r, c) in cells}

    def dead(state: tuple[int, int], why: str) -> bool:
        named = f"r{state[0] + 1}c{state[1] + 1} has no other way out"
        stopped = why.startswith("every move leads back") or why == "no solution after 60 moves"
        return state != end and (stopped or (why == named and len(moves(state)) <= 1))

    return Moving(
        start, moves, lambda state: state == end, lambda state: abs(state[0] - end[0]) + abs(state[1] - end[1]), dead,
        lambda state, tried, claim: claim == "has no way left to try" and len(set(moves(state)) - tried) <= 1,
    )  # fmt: skip


def referee_of(family: str, instance: dict[str, Any], statement: str) -> Any:
    """The referee of an instance."""
    if family == "zebra":
        return zebra(instance, statement)
    return {
        "sudoku": sudoku, "futoshiki": futoshiki, "queens": queens, "colouring": colouring, "subset_sum": subset_sum, "sat": sat,
        "hamilton": hamilton, "knights": knights, "cryptarithm": cryptarithm, "countdown": countdown, "jugs": jugs, "maze": maze,
    }[family](instance)  # fmt: skip
