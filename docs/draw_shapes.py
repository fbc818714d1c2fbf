"""Draws the graphs of docs/composition.md from real rows.

    python docs/draw_shapes.py          figures and examples from docs/shapes/rows.jsonl
    python docs/draw_shapes.py --new    chooses new rows first: of each shape the shortest among some hundred

The rows are kept, so that the page changes when somebody wants it to; a test certifies them again and compares the page.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import Any

import orjson

from catena.adapters import describe
from catena.generators.compose import Composed
from catena.generators.graphs import SHAPES
from catena.generators.wording import part_name
from catena.graphs import REPEAT, RESTS, asked_nodes, graph_from_text, passes
from catena.records import Condition, Graph, Link
from catena.validators.certificates import certify

HERE = Path(__file__).parent
PAGE, ROWS = HERE / "composition.md", HERE / "shapes" / "rows.jsonl"
COLUMNS = ("problem_id", "question", "answer", "answer_type", "answer_unit", "answer_tolerance", "solution", "graph")
DISTRACTOR = "distractor"
TOPICS = (
    "mathematics/arithmetic",
    "mathematics/algebra",
    "mathematics/geometry",
    "mathematics/combinatorics",
    "physics",
    "economics",
)
_WIDTH, _HEIGHT, _ACROSS, _DOWN, _EDGE = 148, 50, 264, 138, 24
_LABEL = 23
"""Characters of a line of a label."""
_TESTED = {"over": "more than {}", "even": "even", "true": "true"}


def main() -> None:
    """Writes the figures and the examples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--new", action="store_true", help="choose new rows first")
    if parser.parse_args().new:
        ROWS.parent.mkdir(exist_ok=True)
        ROWS.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in chosen()))
    for path, text in drawn().items():
        path.write_text(text, encoding="utf-8")


def chosen() -> Iterator[dict[str, Any]]:
    """Of each shape a short row, and one with a distractor; every perturbation of theirs moved the answer."""
    for name in (*SHAPES, DISTRACTOR):
        shape, aside = ("fan-in", 1) if name == DISTRACTOR else (name, 0)
        rows = Composed(seed=7, certify=certify, shapes=shape, horizons=[3], distractors=aside, topics=TOPICS)
        found = sorted(rows.dicts(range(400)), key=lambda row: len(row["question"]) + len(row["solution"]))
        row = next(row for row in found if row["answer_type"] != "real" and (aside or _all_matter(row)))
        yield {"name": name, **{column: row[column] for column in COLUMNS}}


def _all_matter(row: dict[str, Any]) -> bool:
    necessity: list[float] = orjson.loads(row["certificate"])["necessity"]
    return min(necessity) == 1.0


def drawn() -> dict[Path, str]:
    """The text of every figure, and of the page with its examples."""
    page = PAGE.read_text(encoding="utf-8")
    files: dict[Path, str] = {}
    for line in ROWS.read_bytes().splitlines():
        row = orjson.loads(line)
        name = row["name"]
        files[ROWS.parent / f"{name}.svg"] = figure(graph_from_text(row["graph"]), name)
        begin, end = f"<!-- {name} -->\n", "<!-- / -->"
        before, _, after = page.partition(begin)
        page = before + begin + example(row) + end + after.partition(end)[2]
    return {**files, PAGE: page}


def example(row: dict[str, Any]) -> str:
    """The figure and the row, as the page shows them."""
    answer = f"{row['answer']} {row['answer_unit'] or ''}".strip()
    said = (*row["question"].splitlines(), "", *row["solution"].splitlines())
    wrapped = (part for line in said for part in wrap(line, 104, subsequent_indent="  ") or [""])
    lines = "\n".join(f"    {line}".rstrip() for line in wrapped)
    return f"![{row['name']}](shapes/{row['name']}.svg)\n\n{lines}\n\nAnswer: **{answer}**\n\n"


def figure(graph: Graph, title: str) -> str:
    """The graph as SVG, parents above their children: answers in the nodes, what is carried beside the arrows."""
    names = _names(graph)
    places = _places(graph)
    width = max(x for x, _ in places.values()) + _WIDTH / 2 + 120
    height = max(y for _, y in places.values()) + _HEIGHT / 2 + _EDGE
    pairs = dict.fromkeys((link.parent, link.child) for link in graph.links)
    parts = [_arrow(*pair, graph, names, places) for pair in pairs]
    parts += [_decision(*one, names, places) for one in _decisions(graph)]
    if graph.unknown is not None:
        parts.append(_given(graph, places))
    parts += [_node(index, graph, names[index], *places[index]) for index in places]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img"'
            f' font-family="Helvetica, Arial, sans-serif"><title>{escape(title)}</title>',
            '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>',
            '<rect width="100%" height="100%" rx="8" fill="#fff"/>',
            *parts,
            "</svg>\n",
        )
    )


def _names(graph: Graph) -> dict[int, str]:
    """The letter that the statement gives each node."""
    listing = graph.order or range(len(graph.nodes))
    return {node: part_name(place) for place, node in enumerate(listing)}


def _decisions(graph: Graph) -> list[tuple[Condition, int]]:
    """Each condition once, as it holds, with the child that it decides for; of several outcomes the one that is met."""
    pairs = [(link.when, link.child) for link in graph.links if link.when and link.when.holds and _shown(link, graph)]
    return list(dict.fromkeys(pairs))


def _shown(link: Link, graph: Graph) -> bool:
    """Whether a link is drawn: of a decision with many outcomes those of the one that is met."""
    when = link.when
    return when is None or when.test not in RESTS or passes(when, int(graph.nodes[when.node].answer.value))


def _places(graph: Graph) -> dict[int, tuple[float, float]]:
    """The centre of each node: below all of its parents, the nodes of one level side by side."""
    above: dict[int, set[int]] = defaultdict(set)
    for link in graph.links:
        above[link.child] |= {link.parent, *([] if link.when is None else [link.when.node])}
    level: dict[int, int] = {}
    for index in range(len(graph.nodes)):
        level[index] = max((level[parent] + 1 for parent in above[index]), default=0)
    below: dict[int, int] = {}
    for index in reversed(range(len(graph.nodes))):  # roots hang just above their first child
        children = [level[child] for child in range(len(graph.nodes)) if index in above[child]]
        if not above[index] and children:
            level[index] = min(children) - 1
        below[index] = level[index]
    rows: dict[int, list[int]] = defaultdict(list)
    for index, depth in below.items():
        rows[depth].append(index)
    widest = max(map(len, rows.values()))
    centre = _EDGE + 96 + (widest - 1) * _ACROSS / 2 + _WIDTH / 2
    places: dict[int, tuple[float, float]] = {}
    for depth in sorted(rows):
        nodes = sorted(rows[depth], key=lambda node: (_middle(node, above, places), node))
        for at, node in enumerate(nodes):
            x = centre + (at - (len(nodes) - 1) / 2) * _ACROSS
            places[node] = (x, _EDGE + _HEIGHT / 2 + depth * _DOWN)
    return dict(sorted(places.items()))


def _middle(node: int, above: dict[int, set[int]], places: dict[int, tuple[float, float]]) -> float:
    parents = [places[parent][0] for parent in above[node] if parent in places]
    return sum(parents) / len(parents) if parents else 0.0


def _node(index: int, graph: Graph, name: str, x: float, y: float) -> str:
    node = graph.nodes[index]
    aside, wanted = index in graph.distractors, index in asked_nodes(graph)
    fill, line = ("#f1f1f1", "#bbb") if aside else ("#e3f0e3", "#3b7a3b") if wanted else ("#eaf0fa", "#4a6fa5")
    task = node.source.rpartition(".")[2].replace("_", " ")
    times = f", {node.loop.times} times" if node.loop else ""
    return (
        f'<rect x="{x - _WIDTH / 2:.0f}" y="{y - _HEIGHT / 2:.0f}" width="{_WIDTH}" height="{_HEIGHT}" rx="7" fill="{fill}"'
        f' stroke="{line}" stroke-width="{2.5 if wanted else 1.3}"{" stroke-dasharray=" + chr(34) + "4 3" + chr(34) if aside else ""}/>'
        f'<text x="{x:.0f}" y="{y - 4:.0f}" text-anchor="middle" font-size="15" font-weight="bold" fill="#222">{name} = {escape(str(node.answer))}</text>'
        f'<text x="{x:.0f}" y="{y + 14:.0f}" text-anchor="middle" font-size="10.5" fill="#555">{escape(task[:26] + times)}</text>'
    )


def _arrow(parent: int, child: int, graph: Graph, names: dict[int, str], places: dict[int, tuple[float, float]]) -> str:
    """One arrow for all links between two nodes."""
    links = [link for link in graph.links if (link.parent, link.child) == (parent, child) and _shown(link, graph)]
    return _line(parent, child, places, "\n".join(_carried(link, names[parent]) for link in links), "#555")


def _carried(link: Link, parent: str) -> str:
    carried = describe(link.adapter, parent)
    words = f"{carried} times" if link.parameter == REPEAT else f"{link.parameter} = {carried}"
    if link.when is not None:
        words += " in this case" if link.when.test in RESTS else " if so" if link.when.holds else " if not"
    return f"{words} (kept)" if link.kind == "value-preserving" else words


def _decision(condition: Condition, child: int, names: dict[int, str], places: dict[int, tuple[float, float]]) -> str:
    name = names[condition.node]
    if condition.test in RESTS:
        words = f"{name} divided by {RESTS[condition.test]} leaves {condition.argument}"
    else:
        words = f"is {name} {_TESTED[condition.test].format(condition.argument)}?"
    return _line(condition.node, child, places, words, "#b3661a", dashed=True)


def _given(graph: Graph, places: dict[int, tuple[float, float]]) -> str:
    assert graph.unknown is not None
    (x, y), (u, v) = places[graph.unknown.target], places[graph.unknown.node]
    side = 1 if x > u else -1
    start, end = x + side * _WIDTH / 2, u + side * (_WIDTH / 2 + 2)
    value = graph.nodes[graph.unknown.target].answer
    return (
        f'<path d="M{start:.0f} {y:.0f}C{start + side * 70:.0f} {y:.0f} {end + side * 90:.0f} {v:.0f} {end:.0f} {v:.0f}"'
        ' fill="none" stroke="#a33" stroke-width="1.3" stroke-dasharray="5 4" marker-end="url(#a)"/>'
        + _label(
            (start + end) / 2 + side * 70, (y + v) / 2, f"{value} is given, find {graph.unknown.parameter}", "#a33"
        )
    )


def _line(
    start: int, end: int, places: dict[int, tuple[float, float]], words: str, colour: str, *, dashed: bool = False
) -> str:
    (x, y), (u, v) = places[start], places[end]
    crossed = [a for a, b in places.values() if y < b < v and abs(a - (x + (u - x) * (b - y) / (v - y))) < _WIDTH * 0.6]
    bend = (-1 if dashed else 1) * _ACROSS * 0.75 if crossed else 0.0
    y, v = y + _HEIGHT / 2, v - _HEIGHT / 2 - 2
    style = ' stroke-dasharray="5 4"' if dashed else ""
    return (
        f'<path d="M{x:.0f} {y:.0f}C{x + bend:.0f} {y + 44:.0f} {u + bend:.0f} {v - 44:.0f} {u:.0f} {v:.0f}" fill="none"'
        f' stroke="{colour}" stroke-width="1.4"{style} marker-end="url(#a)"/>'
        + _label((x + u) / 2 + 0.75 * bend, (y + v) / 2, words, colour)
    )


def _label(x: float, y: float, words: str, colour: str) -> str:
    lines = [line for one in words.splitlines() for line in wrap(one, _LABEL)]
    spans = "".join(
        f'<tspan x="{x:.0f}" y="{y + 4 + 13 * (at - (len(lines) - 1) / 2):.0f}">{escape(line)}</tspan>'
        for at, line in enumerate(lines)
    )
    return (
        f'<text text-anchor="middle" font-size="11" fill="{colour}" stroke="#fff" stroke-width="4"'
        f' paint-order="stroke">{spans}</text>'
    )


if __name__ == "__main__":
    main()
