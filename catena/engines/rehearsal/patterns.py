"""A text that matches a regular expression: literals, classes, groups, alternatives and counted repetition.

Look-around, back-references, word boundaries and inline flags are not covered.
"""

from catena.engines.rehearsal.draws import Draws

_MOST = 4  # repetitions beyond the least, where a pattern sets no limit
_MOST_ATOMS = 100_000
_DIGITS, _SPACE = "0123456789", " "
_WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_ANY = "".join(map(chr, range(33, 127)))
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}


class UnknownPattern(ValueError):
    """The pattern uses what is not covered here."""


def text_matching(pattern: str, draws: Draws) -> str:
    """A text in which `pattern` is found.

    Raises:
        UnknownPattern: It is malformed or uses what is not covered.
    """
    reader = _Reader(pattern, draws)
    text = reader.alternatives()
    if reader.position < len(pattern):
        raise UnknownPattern(f"{pattern!r}: unbalanced at {reader.position}")
    return text


class _Reader:
    """Reads a pattern and writes a match at once; what is drawn away is read all the same."""

    def __init__(self, pattern: str, draws: Draws) -> None:
        self.pattern, self.draws, self.position, self.depth, self.made = pattern, draws, 0, 0, 0

    def alternatives(self) -> str:
        self.depth += 1
        if self.depth > 50:
            raise UnknownPattern("too many groups within groups")
        branches = [self._branch()]
        while self._peek() == "|":
            self.position += 1
            branches.append(self._branch())
        self.depth -= 1
        return self.draws.pick(branches)

    def _peek(self) -> str:
        return self.pattern[self.position : self.position + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            raise UnknownPattern(f"{self.pattern!r}: ends too early")
        self.position += 1
        return char

    def _branch(self) -> str:
        pieces: list[str] = []
        while self._peek() not in ("", "|", ")"):
            start = self.position
            piece = self._atom()
            end = self.position
            least, most = self._repetition()
            after = self.position
            pieces.append(self._repeated(start, end, piece, self.draws.between(least, most)))
            self.position = after
        return "".join(pieces)

    def _repeated(self, start: int, end: int, first: str, count: int) -> str:
        """The atom at `start` written `count` times, each time drawn anew."""
        pieces = [first] if count else []
        while len(pieces) < count:
            self.position = start
            pieces.append(self._atom())
            assert self.position == end
        return "".join(pieces)

    def _atom(self) -> str:
        self.made += 1
        if self.made > _MOST_ATOMS:
            raise UnknownPattern(f"{self.pattern!r}: a text for it would be too long")
        char = self._take()
        if char == "(":
            return self._group()
        if char == "[":
            return self.draws.pick(self._class())
        if char == "\\":
            return self.draws.pick(self._escape())
        if char in "^$":
            return ""
        if char in "*+?{":
            raise UnknownPattern(f"{self.pattern!r}: nothing to repeat at {self.position}")
        return self.draws.pick(_ANY) if char == "." else char

    def _group(self) -> str:
        if self._peek() == "?":
            self.position += 1
            kind = self._take()
            if kind == "P" or (kind == "<" and self._peek() not in ("=", "!")):
                while self._take() != ">":
                    pass
            elif kind != ":":
                raise UnknownPattern(f"{self.pattern!r}: (?{kind} is not covered")
        text = self.alternatives()
        if self._take() != ")":
            raise UnknownPattern(f"{self.pattern!r}: a group is not closed")
        return text

    def _escape(self) -> str:
        char = self._take()
        if char.lower() in _CLASSES:
            chosen = _CLASSES[char.lower()]
            return chosen if char.islower() else "".join(other for other in _ANY if other not in chosen)
        if char.isalnum() and char not in _ESCAPES:
            raise UnknownPattern(f"{self.pattern!r}: \\{char} is not covered")
        return _ESCAPES.get(char, char)

    def _class(self) -> str:
        negated = self._peek() == "^"
        self.position += negated
        chars = ""
        while self._peek() != "]" or not chars:
            members = self._escape() if (char := self._take()) == "\\" else char
            if (
                self._peek() == "-"
                and self.pattern[self.position + 1 : self.position + 2] not in ("]", "")
                and len(members) == 1
            ):
                self.position += 1
                last = self._escape() if (char := self._take()) == "\\" else char
                if len(last) != 1 or last < members or ord(last) - ord(members) > 5000:
                    raise UnknownPattern(f"{self.pattern!r}: a range that is none")
                members = "".join(map(chr, range(ord(members), ord(last) + 1)))
            chars += members
        self.position += 1
        allowed = "".join(char for char in _ANY if char not in chars) if negated else chars
        if not allowed:
            raise UnknownPattern(f"{self.pattern!r}: a class of no character")
        return allowed

    def _repetition(self) -> tuple[int, int]:
        bounds = (1, 1)
        char = self._peek()
        if char and char in "*+?":
            self.position += 1
            bounds = {"*": (0, _MOST), "+": (1, 1 + _MOST), "?": (0, 1)}[char]
        elif char == "{":
            bounds = self._counts()
        if self._peek() == "?":
            self.position += 1
        return bounds

    def _counts(self) -> tuple[int, int]:
        end = self.pattern.find("}", self.position)
        low, comma, high = self.pattern[self.position + 1 : max(end, 0)].partition(",")
        if end < 0 or not (low or comma) or not (low + high).isdigit():
            raise UnknownPattern(f"{self.pattern!r}: a count that is none")
        self.position = end + 1
        least = int(low or 0)
        most = int(high) if high else least + _MOST if comma else least
        if most < least or least > 10_000:
            raise UnknownPattern(f"{self.pattern!r}: a count that is none")
        return least, min(most, least + 2 * _MOST)
