"""The queue of doubtful rows as one self-contained page. Every text in it is escaped, and what cannot be seen is spelled out."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined

from catena.flows.review_queue import Doubt
from catena.invisible import spelled_out

MOST = 500
"""Rows on one page; beyond, it would be slow."""
BUTTONS = (
    ("accept", "right"),
    ("wrong-key", "wrong key"),
    ("ill-posed", "ill-posed"),
    ("reject", "not to be used"),
)
_LONGEST_TEXT, _LONGEST_FACT, _LONGEST_EVIDENCE = 8_000, 2_000, 600
_FIRST = ("key", "proposal", "confidence", "pass_rate")
_DECISIONS = ("accept", "reject", "undecided")


def queue_page(name: str, waiting: Sequence[Doubt], *, token: str = "") -> str:
    """The page.

    Args:
        name: Of the run.
        waiting: The rows, in the order in which they are to be shown.
        token: What a decision must bring along; without it there are no buttons.
    """
    text = (
        _environment()
        .get_template("review_page.html")
        .render(
            name=_shown(name, 200),
            waiting=len(waiting),
            doubts=[_view(doubt) for doubt in waiting[:MOST]],
            token=token,
            verdicts=BUTTONS,
        )
    )
    return text.encode("utf-8", "replace").decode("utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("catena.flows", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _view(doubt: Doubt) -> dict[str, Any]:
    facts, votes = _told(doubt.detail)
    return {
        "row": _shown(doubt.row, 200),
        "reason": doubt.reason,
        "statement": _shown(doubt.statement, _LONGEST_TEXT),
        "facts": facts,
        "votes": votes,
    }


def _told(detail: str) -> tuple[list[tuple[str, str]], list[dict[str, str]]]:
    """What is known of a row, and the votes on it where they are kept as JSON."""
    try:
        data = orjson.loads(detail)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        return ([("said", _shown(detail, _LONGEST_FACT))] if detail else []), []
    votes = data.pop("votes", [])
    names = [*(name for name in _FIRST if name in data), *(name for name in data if name not in _FIRST)]
    facts = [(_shown(name, 80).replace("_", " "), _fact(data[name])) for name in names if data[name] is not None]
    return facts, [_vote(vote) for vote in votes if isinstance(vote, dict)] if isinstance(votes, list) else []


def _fact(value: object) -> str:
    return _shown(" / ".join(map(str, value)) if isinstance(value, list) else str(value), _LONGEST_FACT)


def _vote(vote: dict[str, Any]) -> dict[str, str]:
    said = {
        name: _shown(str(vote.get(name, "")), _LONGEST_EVIDENCE)
        for name in ("verifier", "question", "decision", "evidence")
    }
    return {**said, "css": said["decision"] if said["decision"] in _DECISIONS else ""}


def _shown(text: str, most: int) -> str:
    text = spelled_out(text)
    return text if len(text) <= most else f"{text[:most]}…"
