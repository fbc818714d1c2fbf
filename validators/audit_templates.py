"""Whether a phrase belongs to a template that is one part of longer problems, where what stands next to it is always the same.

A planted phrase stands among words that differ from row to row. The words of a template stand together wherever they stand; so do
those of every row in data of few templates, which is why the repetition is compared with that of any rows.
"""

import re
from collections.abc import Sequence
from random import Random
from statistics import fmean

_WORD = re.compile(r"[^\W\d_]+|[^\w\s]", re.UNICODE)
_WORDS_READ = 400
_AROUND = 12
_COMPARED, _SETS = 60, 10
_REPEATED, _MORE = 0.85, 0.1


def words_of(text: str) -> list[str]:
    """The first words and signs of a text in small letters, without its numbers."""
    return _WORD.findall(text.casefold())[:_WORDS_READ]


def in_template(phrase: str, rows: Sequence[int], texts: Sequence[str]) -> bool:
    """Whether the words next to `phrase` in some of `texts` are those next to it in another one, by more than chance.

    Args:
        phrase: Words as `words_of` reads them, joined by spaces.
        rows: Places of the texts that hold it.
        texts: All texts.
    """
    wanted = phrase.split()
    near = [window for row in rows[:_COMPARED] if (window := _beside(wanted, words_of(texts[row])))]
    if len(near) < 2:
        return False
    repeated = fmean(_closest(window, near[:at] + near[at + 1 :]) for at, window in enumerate(near))
    return repeated >= _REPEATED and repeated > _by_chance(min(len(rows), _COMPARED), texts) + _MORE


def _beside(wanted: Sequence[str], words: Sequence[str]) -> frozenset[str]:
    """What stands next to the first place of the phrase; nothing where it has none."""
    for at in range(len(words) - len(wanted) + 1):
        if words[at : at + len(wanted)] == wanted:
            return _window(words, at, at + len(wanted)) - set(wanted)
    return frozenset()


def _window(words: Sequence[str], start: int, stop: int) -> frozenset[str]:
    return frozenset(words[max(0, start - _AROUND) : stop + _AROUND])


def _closest(window: frozenset[str], others: Sequence[frozenset[str]]) -> float:
    """The share of the window's words that the other one with most of them has."""
    return max(len(window & other) for other in others) / len(window)


def _by_chance(number: int, texts: Sequence[str]) -> float:
    """How much of any place of a text one of `number` texts drawn from all has, wherever."""
    draw, found = Random(number), list[float]()
    for _ in range(_SETS):
        drawn = [words for words in (words_of(texts[at]) for at in draw.sample(range(len(texts)), number)) if words]
        whole = [frozenset(words) for words in drawn]
        for at, words in enumerate(drawn):
            place = draw.randrange(len(words))
            if others := whole[:at] + whole[at + 1 :]:
                found.append(_closest(_window(words, place, place), others))
    return fmean(found) if found else 0.0
