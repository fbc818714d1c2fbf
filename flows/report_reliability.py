"""The reliability diagram of a panel's confidence as SVG: share right against mean confidence, the diagonal where both are equal."""

from collections.abc import Mapping, Sequence
from math import floor
from typing import Any

from markupsafe import Markup

_SIDE, _LEFT, _TOP, _RADIUS = 220, 44, 10, 4


def reliability_plot(bins: Sequence[Mapping[str, Any]], *, label: str) -> Markup:
    """The diagram of bins with `confidence`, `right` (both in [0, 1]) and `items`; both axes begin at the same tenth."""
    low = min(floor(10 * min(one["confidence"], one["right"])) / 10 for one in bins)
    low = min(low, 0.9)

    def at(share: float) -> float:
        return round(float(_SIDE * (share - low) / (1 - low)), 1)

    marks = [low, (1 + low) / 2, 1.0]
    body = [_grid(at(mark), f"{mark:.3g}") for mark in marks]
    body.append(_line(_LEFT, _TOP + _SIDE, _LEFT + _SIDE, _TOP, dashed=True))
    points = [(_LEFT + at(one["confidence"]), _TOP + _SIDE - at(one["right"]), one) for one in bins]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    body.append(Markup('<polyline points="{}" class="curve"></polyline>').format(path))
    body += [_dot(x, y, one) for x, y, one in points]
    middle, base = _LEFT + _SIDE / 2, _TOP + _SIDE + 34
    body.append(Markup('<text x="{}" y="{}" class="mid">confidence</text>').format(middle, base))
    width, height = _LEFT + _SIDE + 16, base + 8
    return Markup('<svg class="plot small" role="img" aria-label="{}" width="{}" height="{}">{}</svg>').format(
        label, width, height, Markup("").join(body)
    )


def _grid(place: float, mark: str) -> Markup:
    y, x = _TOP + _SIDE - place, _LEFT + place
    return (
        _line(_LEFT, y, _LEFT + _SIDE, y)
        + Markup('<text x="{}" y="{}" class="end">{}</text>').format(_LEFT - 8, y + 4, mark)
        + Markup('<text x="{}" y="{}" class="mid">{}</text>').format(x, _TOP + _SIDE + 16, mark)
    )


def _line(x1: float, y1: float, x2: float, y2: float, *, dashed: bool = False) -> Markup:
    dashes = Markup(' stroke="currentColor" stroke-opacity="0.45" stroke-dasharray="4 4"')
    look = dashes if dashed else Markup(' class="rule"')
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}"{}></line>').format(x1, y1, x2, y2, look)


def _dot(x: float, y: float, one: Mapping[str, Any]) -> Markup:
    told = f"{one['items']:,} rows: confidence {one['confidence']:.3f}, right {one['right']:.3f}"
    return Markup('<circle cx="{}" cy="{}" r="{}" class="dot"><title>{}</title></circle>').format(
        round(x, 1), round(y, 1), _RADIUS, told
    )
