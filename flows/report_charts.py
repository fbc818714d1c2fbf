"""The drawings of the run report, as inline SVG.

Horizontal positions are percentages and text is never scaled, so that a drawing reads the same on a phone and on a desk.
Colours are classes of `report.html`. Every text passes `_tag`, which escapes it. Not here: what the figures mean.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from unicodedata import east_asian_width

from markupsafe import Markup, escape

BUCKETS: Final = 300
"""A curve with more points than twice this keeps the lowest and the highest point of each of so many buckets."""

_MARKS: Final = (
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
    "M-4-4h8v8h-8z",
    "M0-5.5L5 4h-10z",
    "M0-6L6 0 0 6-6 0z",
)
_CHARACTER_PX: Final = 6.5  # a safe mean for 12 px system fonts
_GRAPH_PX: Final = 340  # fits a 390 px phone; wider screens put the statement beside it


def _tag(name: str, *children: str, **attributes: object) -> Markup:
    """One element; `children` and attribute values are escaped unless they are Markup. `x_y` becomes `x-y`."""
    written = (Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    return Markup("<{0}{1}>{2}</{0}>").format(
        Markup(name), Markup().join(written), Markup().join(map(escape, children))
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3f}".rstrip("0").rstrip(".") + "%"


def is_number(value: object) -> bool:
    """Whether `value` is a finite number; a bool is not one."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


# --- bars


def stacked_bar(parts: Sequence[tuple[str, int]], largest: int) -> Markup:
    """One row's bar: (class, count) pieces side by side, the full width meaning `largest`."""
    pieces: list[Markup] = []
    start = 0.0
    for class_, count in parts:
        if count > 0 and largest > 0:
            width = count / largest
            pieces.append(_tag("rect", x=_percent(start), width=_percent(width), height=14, class_=class_))
            start += width
    return _tag("svg", *pieces, class_="bar", height=14, aria_hidden="true")


# --- accuracy by horizon


def model_mark(index: int) -> Markup:
    """The sign of a model in a legend."""
    mark = _tag("path", d=_MARKS[index % len(_MARKS)], class_="mark")
    return _tag(
        "svg",
        _tag("svg", mark, x=8, y=8, overflow="visible"),
        width=16,
        height=16,
        class_=f"m{index % 6}",
        aria_hidden="true",
    )


def accuracy_plot(rows: Sequence[Mapping[str, Any]], models: Sequence[str]) -> Markup:
    """Accuracy in [0, 1] with its interval, one column per horizon, one mark per model.

    Shaded columns were in no model's training; an open mark was not in that model's. The strips under the axis say
    which stage trained on which horizon.
    """
    height, top = 240, 10
    horizons = sorted({row["horizon"] for row in rows})
    width = 1 / max(len(horizons), 1)
    stages = {horizon: _stages(row["trained"] for row in rows if row["horizon"] == horizon) for horizon in horizons}
    body: list[Markup] = []
    for column, horizon in enumerate(horizons):
        if not stages[horizon]:
            body.append(
                _tag("rect", x=_percent(column * width), y=top, width=_percent(width), height=height, class_="unseen")
            )
    for tick in range(0, 101, 25):
        y = top + height * (1 - tick / 100)
        body.append(_tag("line", x1=0, x2="100%", y1=y, y2=y, class_="rule"))
        body.append(_tag("text", f"{tick} %", x=-8, y=y + 4, class_="end"))
    every = math.ceil(len(horizons) / 16)
    for column, horizon in enumerate(horizons):
        if column % every == 0:
            body.append(
                _tag("text", f"{horizon:,}", x=_percent((column + 0.5) * width), y=top + height + 18, class_="mid")
            )
    for index, model in enumerate(models):
        shift = 0.64 * ((index + 0.5) / len(models) - 0.5)
        own = {row["horizon"]: row for row in rows if row["model"] == model and is_number(row["accuracy"])}
        at = {h: (_percent((column + 0.5 + shift) * width), own[h]) for column, h in enumerate(horizons) if h in own}
        body.append(_tag("g", *_model_marks(list(at.values()), index, top, height), class_=f"m{index % 6}"))
    strips = list(dict.fromkeys(part for row in rows for part in _stages([row["trained"]])))
    for line, stage in enumerate(strips):
        y = top + height + 30 + 14 * line
        body.append(_tag("text", stage.upper()[:5], x=-8, y=y + 8, class_="end"))
        body += [
            _tag("rect", x=_percent(column * width), y=y, width=_percent(width), height=8, class_="trained")
            for column, horizon in enumerate(horizons)
            if stage in stages[horizon]
        ]
    label = f"Accuracy by horizon for {', '.join(models)}; the table below has the same numbers"
    return _tag("svg", *body, class_="plot", height=top + height + 30 + 14 * len(strips), role="img", aria_label=label)


def _stages(trained: Iterable[str]) -> list[str]:
    """The stages named by `sft+rl` and the like, in order of appearance; `unseen` is none."""
    return [part for text in trained for part in text.split("+") if part not in ("unseen", "")]


def _model_marks(at: Sequence[tuple[str, Mapping[str, Any]]], index: int, top: int, height: int) -> list[Markup]:
    def y(share: float) -> float:
        return round(top + height * (1 - share), 1)

    body = [
        _tag("line", x1=here, x2=there, y1=y(row["accuracy"]), y2=y(after["accuracy"]), class_="trend")
        for (here, row), (there, after) in pairwise(at)
    ]
    for x, row in at:
        said = f"{row['model']}, horizon {row['horizon']}: {row['accuracy']:.1%}"
        if is_number(row["low"]) and is_number(row["high"]):
            body.append(_tag("line", x1=x, x2=x, y1=y(row["low"]), y2=y(row["high"]), class_="interval"))
            said += f" [{row['low']:.1%}, {row['high']:.1%}]"
        class_ = "mark" if _stages([row["trained"]]) else "mark open"
        mark = _tag("path", _tag("title", said), d=_MARKS[index % len(_MARKS)], class_=class_)
        body.append(_tag("svg", mark, x=x, y=y(row["accuracy"]), overflow="visible"))
    return body


# --- training curves


def curve_plot(points: Sequence[tuple[float, float]], *, x_name: str, label: str) -> Markup:
    """One curve; the vertical axis is 0 to 1 for shares (all values in [0, 1], reaching down to 0.5) and else fits the data."""
    height, top = 110, 8
    shown = _thinned(sorted(points))
    first, last = shown[0][0], shown[-1][0]
    ticks = _ticks(min(y for _, y in shown), max(y for _, y in shown))
    low, high = ticks[0], ticks[-1]
    body: list[Markup] = []
    for tick in ticks:
        y = round(top + height * (high - tick) / (high - low), 1)
        body.append(_tag("line", x1=0, x2="100%", y1=y, y2=y, class_="rule"))
        body.append(_tag("text", f"{tick:.4g}", x=-8, y=y + 4, class_="end"))
    scaled = [(1000 * (x - first) / ((last - first) or 1), 1000 * (high - y) / (high - low)) for x, y in shown]
    if len(scaled) == 1:
        body.append(_tag("circle", cx=4, cy=round(top + height * scaled[0][1] / 1000, 1), r=4, class_="dot"))
    else:
        line = _tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in scaled), class_="curve")
        frame = {"viewBox": "0 0 1000 1000", "preserveAspectRatio": "none"}
        body.append(_tag("svg", line, y=top, width="100%", height=height, overflow="visible", **frame))
    base = top + height + 18
    body.append(_tag("text", _axis_number(first), x=0, y=base))
    body.append(_tag("text", x_name[:24], x="50%", y=base, class_="mid"))
    if last > first:
        body.append(_tag("text", _axis_number(last), x="100%", y=base, class_="end"))
    return _tag("svg", *body, class_="plot small", height=base + 6, role="img", aria_label=label)


def _axis_number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e12 else f"{value:,.6g}"


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) <= 2 * BUCKETS:
        return list(points)
    size = len(points) / BUCKETS
    kept: list[tuple[float, float]] = []
    for bucket in range(BUCKETS):
        part = points[int(bucket * size) : int((bucket + 1) * size)]
        extremes = {min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])}
        kept += sorted(extremes)
    return kept


def _ticks(low: float, high: float) -> list[float]:
    if low >= 0 and 0.5 <= high <= 1:
        return [0.0, 0.5, 1.0]
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = (low - 1, high + 1) if abs(low) < 1e-9 else (low - abs(low) / 2, high + abs(high) / 2)
    rough = (high - low) / 3
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough * (1 - 1e-9))
    begin, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [count * step for count in range(begin, end + 1)]


# --- problem graphs


@dataclass(frozen=True, slots=True)
class _Box:
    top: int
    height: int

    @property
    def bottom(self) -> int:
        return self.top + self.height


def problem_graph(nodes: Sequence[Mapping[str, Any]], links: Sequence[Mapping[str, Any]]) -> Markup:
    """Nodes from top to bottom; a link to the next node is a straight arrow, any other runs at the left.

    Its words stand above the box that a link enters; a dashed arrow preserves the child's own value.
    """
    valid = [link for link in links if 0 <= link["parent"] < link["child"] < len(nodes)]
    lanes = _lanes([(link["parent"], link["child"]) for link in valid if link["child"] - link["parent"] > 1])
    left = 2 + 10 * (max(lanes.values()) + 1) + 8 if lanes else 2
    boxes: list[_Box] = []
    drawn: list[Markup] = []
    y = 2
    for index, node in enumerate(nodes):
        incoming = [link for link in valid if link["child"] == index]
        straight = [link for link in incoming if link["parent"] == index - 1]
        text_x = left + 14 + 12 * max(len(straight), 1)
        room, bullet = int((_GRAPH_PX - text_x) / _CHARACTER_PX), "• " if len(incoming) > 1 else ""
        words = [line for link in incoming for line in _wrapped(bullet + link["words"], room, 4)]
        gap = (14 if not words else 20 + 15 * len(words)) if index else 0
        for order, link in enumerate(straight):
            x = left + 14 + 12 * order
            drawn.append(_arrow(f"M{x} {y}V{y + gap - 6}", f"M{x} {y + gap}l-4-8h8z", link))
        drawn += [_tag("text", line, x=text_x, y=y + 21 + 15 * row, class_="words") for row, line in enumerate(words)]
        lines = _node_lines(node, _GRAPH_PX - left - 22)
        boxes.append(_Box(y + gap, 12 + 16 * len(lines)))
        drawn.append(_node(boxes[-1], left, lines, last=index == len(nodes) - 1))
        y = boxes[-1].bottom
    for (parent, child), lane in lanes.items():
        link = next(link for link in valid if (link["parent"], link["child"]) == (parent, child))
        x, start, end = 6 + 10 * lane, boxes[parent].bottom - 10, boxes[child].top + 12
        drawn.append(_arrow(f"M{left} {start}H{x}V{end}H{left - 6}", f"M{left} {end}l-8-4v8z", link))
    box = {"viewBox": f"0 0 {_GRAPH_PX} {y + 2}"}
    label = f"Graph of {len(nodes)} sub-problems and {len(valid)} links"
    return _tag("svg", *drawn, class_="graph", width=_GRAPH_PX, height=y + 2, role="img", aria_label=label, **box)


def _lanes(spans: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """A lane at the left for each (parent, child), such that none overlap; lane 0 is outermost and has the longest."""
    lanes: dict[tuple[int, int], int] = {}
    for span in sorted(set(spans), key=lambda span: (span[0] - span[1], span)):
        taken = {lane for other, lane in lanes.items() if other[0] < span[1] and span[0] < other[1]}
        lanes[span] = next(lane for lane in range(len(lanes) + 1) if lane not in taken)
    return lanes


def _arrow(line: str, head: str, link: Mapping[str, Any]) -> Markup:
    dashed = "arrow dashed" if link["kind"] == "value-preserving" else "arrow"
    said = _tag("title", f"{link['kind']}: {link['words']}")
    return _tag("g", said, _tag("path", d=line, class_=dashed), _tag("path", d=head, class_="head"))


def _node_lines(node: Mapping[str, Any], width: int) -> list[tuple[str, str]]:
    """(class, text) of a node's lines: label and source, topic if any, answer."""
    room = int(width / _CHARACTER_PX)
    lines = [("name", _wrapped(f"{node['label']}  {node['source']}", room, 1)[0])]
    if node["topic"]:
        lines.append(("words", _wrapped(node["topic"], room, 1)[0]))
    return [*lines, ("answer", _wrapped(f"= {node['answer']}", room, 1)[0])]


def _node(box: _Box, left: int, lines: Sequence[tuple[str, str]], *, last: bool) -> Markup:
    class_ = "node last" if last else "node"
    frame = _tag("rect", x=left, y=box.top, width=_GRAPH_PX - left - 2, height=box.height, rx=5, class_=class_)
    written = [
        _tag("text", text, x=left + 10, y=box.top + 18 + 16 * row, class_=c) for row, (c, text) in enumerate(lines)
    ]
    return _tag("g", frame, *written)


def _wrapped(text: str, room: int, most: int) -> list[str]:
    """`text` in at most `most` lines of `room` character cells, cut with an ellipsis; never empty."""
    lines, line, used = [], "", 0
    for word in text.split() or [""]:
        for piece in _pieces(word, room):
            size = _cells(piece)
            if line and used + 1 + size > room:
                lines.append(line)
                line, used = piece, size
            else:
                line, used = (f"{line} {piece}", used + 1 + size) if line else (piece, size)
    lines.append(line)
    return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1][: room - 1] + "…"]


def _cells(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _pieces(word: str, room: int) -> list[str]:
    if _cells(word) <= room:
        return [word]
    half = max(room // 2, 1)  # a piece of wide characters still fits
    return [word[start : start + half] for start in range(0, len(word), half)]
