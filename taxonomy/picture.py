"""A topic tree as a picture to explore: one self-contained HTML page with a zoomable sunburst.

The page asks for nothing (its Content-Security-Policy names the hashes of its own script and style and forbids all else),
and what is in the tree reaches it as JSON that can end no element and as text nodes, never as HTML. Script and style are
in `picture.html`; a fragment such as `#mathematics/algebra` opens the page at that topic.
"""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Any

from catena.records import Topic
from catena.taxonomy.coverage import placed_rows
from catena.taxonomy.listing import printable
from catena.taxonomy.tree import Path, Tree

_LONGEST = 1_000


def picture(tree: Tree, counts: Mapping[Path, int] | None = None) -> str:
    """The page; ASCII but for what `picture.html` itself holds.

    Args:
        tree: What to show; pruned and merged topics are left out.
        counts: Rows there are, by path; rows of a merged topic count where it went. None hides all that is about rows.
    """
    data = {
        "identity": tree.identity,
        "counted": counts is not None,
        "topics": _topics(tree, placed_rows(tree, counts or {})[0]),
    }
    before, after = _template()
    return before + _embedded(data) + after


def _topics(tree: Tree, rows: Mapping[Path, int]) -> list[list[Any]]:
    """[index of the parent (-1 at a root), name, description, quota, rows, status, origin, support], parents first."""
    found: list[list[Any]] = []
    waiting = [(-1, topic) for topic in tree.children.get((), ())[::-1]]
    while waiting:
        parent, topic = waiting.pop()
        waiting += [(len(found), child) for child in tree.children.get(topic.path, ())[::-1]]
        found.append([parent, *_facts(topic, rows.get(topic.path, 0))])
    return found


def _facts(topic: Topic, rows: int) -> list[Any]:
    description, origin = printable(topic.description, _LONGEST), printable(topic.origin)
    return [printable(topic.path[-1], _LONGEST), description, topic.quota, rows, topic.status, origin, topic.support]


def _embedded(data: object) -> str:
    """JSON for a script element: no character in it can end the element or begin a comment."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _template() -> tuple[str, str]:
    """The page up to its data, and from there on, with the hashes of its script and style filled in."""
    text = (FilePath(__file__).parent / "picture.html").read_text(encoding="utf-8")
    for mark, element in (("@SCRIPT@", "script"), ("@STYLE@", "style")):
        (inline,) = re.findall(f"<{element}>(.*?)</{element}>", text, re.DOTALL)
        text = text.replace(mark, "'sha256-" + b64encode(sha256(inline.encode()).digest()).decode() + "'")
    before, after = text.split("@DATA@")
    return before, after
