"""A topic tree as text: branches for a terminal, Markdown for a page.

Names and descriptions are untrusted text: what a terminal or a Markdown reader would obey is shown escaped. Not here: the
interactive picture (`picture`), the file that is read back (`files`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from catena.records import Topic
from catena.taxonomy.tree import LIVE, Path, Tree, find

FOLD = 30
"""Children shown of one topic unless all are asked for."""
LONGEST = 160
"""Characters of a name or reason that are shown."""
_MARKDOWN = re.compile(r"([\\`*_\[\]<>&#~|!$^{}]|(?<=:)//|(?<=\bwww)\.|^[-+=](?=\s|$))")
_NUMBERED = re.compile(r"^(\d+)([.)])")


def printable(text: str, longest: int = LONGEST) -> str:
    """`text` in one line with every character that is no visible one escaped, cut after `longest` characters."""
    more = f"… ({len(text):,} characters)" if len(text) > longest else ""
    return "".join(one if one.isprintable() else _escaped(one) for one in text[:longest]) + more


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


@dataclass(frozen=True)
class _Sums:
    """Numbers of live leaves and the sums of their quotas, by path of every topic at or above them."""

    leaves: dict[Path, int] = field(default_factory=dict)
    quotas: dict[Path, int] = field(default_factory=dict)


def _sums(tree: Tree) -> _Sums:
    sums = _Sums()
    for leaf in tree.leaves:
        for depth in range(len(leaf.path) + 1):
            path = leaf.path[:depth]
            sums.leaves[path] = sums.leaves.get(path, 0) + 1
            sums.quotas[path] = sums.quotas.get(path, 0) + leaf.quota
    return sums


def listing(tree: Tree, *, depth: int | None = None, below: Path = (), all: bool = False) -> Iterator[str]:
    """The tree as lines for a terminal: a heading, then one line a topic.

    Args:
        tree: Any tree; siblings stay in its order.
        depth: Levels shown, from the roots or from below `below`; None shows all.
        below: Path of the topic to show alone; empty for the whole tree.
        all: Show every child, and pruned and merged topics with their reasons.

    Raises:
        TreeError: There is no live topic `below`.
    """
    if below:
        find(tree, below)
    sums, children = _sums(tree), _everything(tree) if all else tree.children
    yield _heading(tree, below, sums)
    waiting = _pushed(children.get(below, ()), "", "", root=not below, all=all)
    while waiting:
        prefix, branch, one = waiting.pop()
        if isinstance(one, int):
            yield f"{prefix}{branch}... and {one:,} more (--all shows them)"
            continue
        yield f"{prefix}{branch}{_line(one, sums, tree)}"
        if depth is None or len(one.path) - len(below) < depth:
            waiting += _pushed(children.get(one.path, ()), prefix, branch, all=all)


_Waiting = tuple[str, str, Topic | int]


def _pushed(children: tuple[Topic, ...], prefix: str, branch: str, *, all: bool, root: bool = False) -> list[_Waiting]:
    """Children as the lines to come, the first one last; those beyond `FOLD` as their number."""
    shown: list[Topic | int] = list(children if all else children[:FOLD])
    if len(children) > len(shown):
        shown.append(len(children) - len(shown))
    prefix += {"": "", "├── ": "│   ", "└── ": "    "}[branch]
    last = len(shown) - 1
    marks = ["" if root else "└── " if index == last else "├── " for index in range(len(shown))]
    return [(prefix, mark, one) for mark, one in zip(marks, shown, strict=True)][::-1]


def _everything(tree: Tree) -> dict[Path, tuple[Topic, ...]]:
    """Children by path, pruned and merged ones after the live ones."""
    found: dict[Path, list[Topic]] = {}
    for topic in sorted(tree.topics.values(), key=lambda topic: topic.status not in LIVE):
        found.setdefault(topic.path[:-1], []).append(topic)
    return {path: tuple(topics) for path, topics in found.items()}


def _heading(tree: Tree, below: Path, sums: _Sums) -> str:
    gone = len(tree.topics) - len(tree.live)
    facts = [
        _counted(len(tree.children.get(below, ())), "child" if below else "subject"),
        _counted(sums.leaves.get(below, 0), "leaf"),
        *([f"quota {sums.quotas[below]:,}"] if sums.quotas.get(below) else []),
        *([f"{gone:,} pruned or merged"] if gone and not below else []),
    ]
    named = _shown(below) if below else f"tree {tree.identity}"
    return f"{named}: {', '.join(facts)}"


def _line(topic: Topic, sums: _Sums, tree: Tree) -> str:
    leaves, quota = sums.leaves.get(topic.path, 0), sums.quotas.get(topic.path, 0)
    facts = [_counted(leaves, "leaf")] if topic.path in tree.children else []
    facts += [f"quota {quota:,}"] if quota else []
    facts += [] if topic.status == "locked" else [_status(topic)]
    name = printable(topic.path[-1])
    return f"{name}   {', '.join(facts)}" if facts else name


def _status(topic: Topic) -> str:
    if topic.status == "proposed":
        return "proposed" if topic.support is None else f"proposed by {topic.support:.0%} of samples"
    where = f" into {_shown(topic.merged_into)}" if topic.merged_into else ""
    return f"{topic.status}{where}" + (f": {printable(topic.reason)}" if topic.reason else "")


def _shown(path: Path) -> str:
    return printable(" / ".join(path), 4 * LONGEST)


def _counted(number: int, noun: str) -> str:
    plural = {"leaf": "leaves", "child": "children"}.get(noun, f"{noun}s")
    return f"{number:,} {noun if number == 1 else plural}"


def markdown(tree: Tree) -> str:
    """The tree as Markdown: subjects as headings, lists below them, and what was pruned or merged at the end."""
    sums = _sums(tree)
    subjects = tree.children.get((), ())
    facts = f"{_counted(len(subjects), 'subject')}, {_counted(len(tree.leaves), 'leaf')}"
    lines = ["# Topic tree", "", f"{facts}. Identity `{tree.identity}`."]
    for subject in subjects:
        lines += ["", f"## {_markdown_line(subject, sums, tree)}", ""]
        waiting = list(tree.children.get(subject.path, ()))[::-1]
        while waiting:
            topic = waiting.pop()
            lines.append(f"{'  ' * (len(topic.path) - 2)}- {_markdown_line(topic, sums, tree)}")
            waiting += tree.children.get(topic.path, ())[::-1]
    gone = [topic for topic in tree.topics.values() if topic.status not in LIVE]
    if gone:
        lines += ["", "## Pruned and merged", ""]
        lines += [f"- {_markdown(_shown(topic.path))}: {_markdown(_status(topic))}" for topic in gone]
    return "\n".join(lines) + "\n"


def _markdown_line(topic: Topic, sums: _Sums, tree: Tree) -> str:
    facts = [_counted(sums.leaves[topic.path], "leaf")] if topic.path in tree.children else []
    facts += [f"quota {sums.quotas[topic.path]:,}"] if sums.quotas[topic.path] else []
    counts = f" ({', '.join(facts)})" if facts else ""
    description = f": {_markdown(printable(topic.description, 1_000))}" if topic.description else ""
    return _markdown(printable(topic.path[-1])) + counts + description


def _markdown(text: str) -> str:
    """`text` with everything that Markdown or HTML in it would mean taken literally."""
    return _NUMBERED.sub(r"\1\\\2", _MARKDOWN.sub(lambda found: "".join(f"\\{one}" for one in found[0]), text))
