"""The page of an evaluation: pass@k of every group with its interval, as one self-contained file without script or request."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

MOST: Final = 60
"""Groups of one dimension that are drawn; `results.json` has them all."""
_ROW, _TOP = 40, 0
"""Pixels; as high as a row of the table beside the plot."""
_TICKS = (0, 25, 50, 75, 100)
_TITLES: Final = {
    "all": "All problems",
    "horizon": "By horizon",
    "held out": "By what is in no training row",
    "shape": "By shape",
    "subject": "By subject",
    "source": "By source",
}


def page(results: Mapping[str, Any]) -> str:
    """The whole page, from the content of `results.json`; every text is escaped."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for group in results["groups"]:
        groups.setdefault(group["dimension"], []).append(group)
    ks = [estimate["k"] for estimate in results["groups"][0]["pass_at"]]
    shown = [
        {
            "title": _TITLES.get(dimension, dimension),
            "rows": own[:MOST],
            "left": max(0, len(own) - MOST),
            "plot": interval_plot(own[:MOST]),
        }
        for dimension, own in groups.items()
        if dimension == "all" or len(own) > 1
    ]
    text = _environment().get_template("eval_page.html").render(run=results, ks=ks, parts=shown)
    return text.encode("utf-8", "replace").decode()


def interval_plot(groups: Sequence[Mapping[str, Any]]) -> Markup:
    """One line for each group: its pass@k in [0, 1] with intervals, one below the other within the line.

    An open mark is a group that was in no training row.
    """
    height = _TOP + _ROW * len(groups)
    parts = [
        part
        for tick in _TICKS
        for part in (
            Markup('<line x1="{0}%" x2="{0}%" y1="{1}" y2="{2}" class="rule"/>').format(tick, _TOP - 4, height),
            Markup('<text x="{0}%" y="{1}" class="{2}">{0} %</text>').format(
                tick, height + 16, {0: "", 100: "end"}.get(tick, "mid")
            ),
        )
    ]
    for row, group in enumerate(groups):
        parts.append(Markup('<text x="0" y="{}" class="label">{}</text>').format(_TOP + _ROW * row + 12, group["name"]))
        known = [one for one in group["pass_at"] if one["value"] is not None]
        for index, one in enumerate(known):
            y = _TOP + _ROW * (row + (index + 1) / (len(known) + 1))
            parts.append(_mark(group, one, index, round(y, 1)))
    frame = Markup('<svg class="plot" height="{0}" role="img" aria-label="{1}">{2}</svg>')
    label = "pass rates with 95 % intervals; the table beside it has the same numbers"
    return frame.format(height + 22, label, Markup("").join(parts))


def _mark(group: Mapping[str, Any], one: Mapping[str, Any], index: int, y: float) -> Markup:
    said = f"{group['name'] or 'all'}, pass@{one['k']}: {one['value']:.1%} [{one['low']:.1%}, {one['high']:.1%}]"
    where = [f"{100 * one[name]:.2f}%" for name in ("low", "high", "value")]
    return Markup(
        '<g class="m{0}"><title>{1}</title><line x1="{2}" x2="{3}" y1="{5}" y2="{5}" class="interval"/>'
        '<circle cx="{4}" cy="{5}" r="4" class="mark{6}"/></g>'
    ).format(index % 4, escape(said), *where, y, " open" if group["held_out"] else "")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("catena.flows", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(share=_share, count=lambda value: f"{value:,}")
    return environment


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
