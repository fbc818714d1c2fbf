"""`report.html`: the report of a run as one self-contained page, from the dict that `report.json` holds.

Nothing is measured here; what is computed are sums, shares and whether the rows add up. Missing parts are said to be
missing. Every text is escaped: the template autoescapes and the charts escape what they draw.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from catena.flows import report_charts as charts
from catena.flows.report_distribution import composed_view
from catena.flows.report_panel import panels_view
from catena.flows.report_yields import yields

USES: Final = ("sft", "rl", "test")
MOST_TOPICS: Final = 2000
"""Rows of the folded table of topics; beyond, the page would be slow, and `report.json` has them all."""

_Row = dict[str, Any]
_NODE: Final[_Row] = {"label": "", "source": "", "topic": None, "answer": ""}
_LINK: Final[_Row] = {"parent": -1, "child": -1, "words": "", "kind": ""}
_EVALUATION: Final[_Row] = dict.fromkeys(("accuracy", "low", "high", "problems", "samples", "unparsed", "undecided"))
_MACHINE: Final[_Row] = {"cores": None, "memory_gib": None, "python": "–", "platform": "–"}
_COST: Final[_Row] = {
    **dict.fromkeys(("requests", "prompt_tokens", "completion_tokens", "money", "tokens_per_row", "money_per_row")),
    "currency": "",
    "lines": (),
}


def page(report: Mapping[str, Any]) -> str:
    """The whole page; encodes to UTF-8 whatever the report's texts are."""
    view: _Row = {
        "run": {key: report.get(key) for key in ("name", "catena", "identity", "seed", "finished", "seconds")},
        "machine": {**_MACHINE, **report["machine"]} if report.get("machine") else None,
        **_accounting(report),
        "tree": report.get("tree"),
        **_topics(report.get("subjects") or [], report.get("topics") or []),
        "horizon_groups": _horizons(report.get("horizons") or []),
        "rejections": _rejections(report.get("rejections") or [], report.get("stages") or []),
        "examples": [_example(example) for example in report.get("examples") or []],
        "training": _training(report.get("training")),
        "cost": {**_COST, **report["cost"]} if report.get("cost") else None,
        "pipelines": report.get("pipelines") or [],
        "composed": composed_view(report),
        "yields": yields(report.get("yields") or []),
        "panels": panels_view(report.get("panel") or []),
        "audit": report.get("audit"),
        "times": _times(report),
        "uses": USES,
    }
    text = _environment().get_template("report.html").render(view)
    return text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate cannot be written to the file


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("catena.flows", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(count=_count, share=_share, duration=_duration)
    return environment


def _count(value: object, digits: int = 0) -> str:
    return f"{value:,.{digits}f}" if charts.is_number(value) else "–"


def _share(value: object) -> str:
    """A share in [0, 1] in percent; rounding never makes 0 or 100 % of what is not."""
    if not (isinstance(value, int | float) and charts.is_number(value)):
        return "–"
    text = f"{100 * value:.1f}"
    if text == "100.0" and value < 1:
        return "> 99.9 %"
    return "< 0.1 %" if text == "0.0" and value > 0 else f"{text} %"


def _duration(value: object) -> str:
    if not (isinstance(value, int | float) and charts.is_number(value)):
        return "–"
    if value < 60:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


# --- stages


def _accounting(report: Mapping[str, Any]) -> _Row:
    rows = [_stage(stage) for stage in report.get("stages") or []]
    wrong = [
        f"{row['stage']} has {abs(row['missing']):,} {'unexplained' if row['missing'] > 0 else 'too many'}"
        for row in rows
        if row["missing"]
    ]
    wrong += _handed_over(rows)
    pending = sum(row["pending"] for row in rows)
    if not rows:
        verdict = ("open", "No stage is recorded")
    elif wrong:
        verdict = ("bad", f"Rows do not add up: {'; '.join(wrong)}")
    elif pending:
        verdict = ("open", f"Every row accounted for; {pending:,} still pending")
    else:
        verdict = ("good", "Every row accounted for")
    final = next((row["rows_out"] for row in rows if row["stage"] == "shards"), 0)
    published = report.get("rows")
    return {"stages": rows, "verdict": verdict, "published": final if published is None else published}


def _handed_over(rows: Sequence[_Row]) -> list[str]:
    by_stage = {row["stage"]: row for row in rows}
    wrong = []
    for row in rows:
        given = sum(by_stage[name]["rows_out"] for name in row["takes_from"] if name in by_stage)
        if row["takes_from"] and given != row["rows_in"]:
            wrong.append(f"{' and '.join(row['takes_from'])} gave {given:,}, {row['stage']} took {row['rows_in']:,}")
    return wrong


def _stage(stage: _Row) -> _Row:
    causes = {kind: stage.get(kind) or {} for kind in ("filtered", "failed")}
    row = {key: stage.get(key) or 0 for key in ("rows_in", "rows_out", "pending", "shards")}
    row |= {kind: sum(counts.values()) for kind, counts in causes.items()}
    row["missing"] = row["rows_in"] - row["rows_out"] - row["filtered"] - row["failed"] - row["pending"]
    parts = [(kind, row[kind]) for kind in ("rows_out", "filtered", "failed", "pending")]
    parts.append(("missing", max(row["missing"], 0)))
    share = row["rows_out"] / row["rows_in"] if row["rows_in"] else None
    bar = charts.stacked_bar(parts, sum(count for _, count in parts))
    return {
        **row,
        "stage": stage.get("stage", stage.get("step", "")),
        "takes_from": stage.get("takes_from") or [],
        "steps": [_stage(step) for step in stage.get("steps") or []],
        "seconds": stage.get("seconds"),
        "rows_per_s": stage.get("rows_per_s"),
        "share": share,
        "bar": bar,
    }


# --- what was made


def _topics(subjects: Sequence[_Row], topics: Sequence[_Row]) -> _Row:
    largest = max((subject["rows"] for subject in subjects), default=0)
    met = sum(topic["rows"] >= topic["quota"] for topic in topics)
    return {
        "subjects": [
            {**subject, "bar": charts.stacked_bar([("plain", subject["rows"])], largest)} for subject in subjects
        ],
        "topics": [{**topic, "path": " › ".join(topic["path"])} for topic in topics[:MOST_TOPICS]],
        "num_topics": len(topics),
        "num_topics_met": met,
    }


def _horizons(rows: Sequence[_Row]) -> list[_Row]:
    """One entry per group; all bars on one scale."""
    counted = [{**row, **{use: row.get(use) or 0 for use in USES}} for row in rows]
    totals = [sum(row[use] for use in USES) for row in counted]
    largest = max(totals, default=0)
    groups: dict[str, list[_Row]] = {}
    for row, total in zip(counted, totals, strict=True):
        bar = charts.stacked_bar([(use, row[use]) for use in USES], largest)
        groups.setdefault(row.get("group", ""), []).append({"style": "", **row, "total": total, "bar": bar})
    return [
        {
            "group": group,
            "rows": sorted(members, key=lambda row: (row["style"], row["horizon"])),
            "sums": {use: sum(row[use] for row in members) for use in (*USES, "total")},
        }
        for group, members in groups.items()
    ]


def _rejections(rejections: Sequence[_Row], stages: Sequence[_Row]) -> list[_Row]:
    """What was listed, and what only the stages know of; `kind` is filtered unless the stage says failed."""
    rows = [(row["stage"], row["reason"], row["rows"]) for row in rejections]
    listed = {(stage, reason) for stage, reason, _ in rows}
    failed: set[tuple[str, str]] = set()
    for stage in stages:
        name, causes = stage.get("stage", ""), stage.get("failed") or {}
        failed |= {(name, cause) for cause in causes}
        counts = [*(stage.get("filtered") or {}).items(), *causes.items()]
        rows += [(name, reason, count) for reason, count in counts if (name, reason) not in listed]
    largest = max((count for *_, count in rows), default=0)
    ordered: list[_Row] = []
    for name, reason, count in sorted(rows, key=lambda row: (-row[2], row[0], row[1])):
        kind = "failed" if (name, reason) in failed else "filtered"
        bar = charts.stacked_bar([(kind, count)], largest)
        ordered.append({"stage": name, "reason": reason, "rows": count, "kind": kind, "bar": bar})
    return [row for row in ordered if row["rows"]]


def _example(example: _Row) -> _Row:
    graph = example.get("graph") or {}
    nodes = [{**_NODE, **node} for node in graph.get("nodes") or []]
    links = [{**_LINK, **link} for link in graph.get("links") or []]
    certificate = example.get("certificate")
    if certificate:
        certificate = {"necessity": [], "shortcut_probes": None, "largest_magnitude": None, **certificate}
    texts = {key: example.get(key) or "" for key in ("group", "style", "question", "solution", "answer")}
    drawing = charts.problem_graph(nodes, links) if nodes else None
    return {
        **texts,
        "horizon": example.get("horizon"),
        "certificate": certificate,
        "graph": drawing,
        "num_nodes": len(nodes),
    }


# --- training


def _training(training: _Row | None) -> _Row | None:
    if training is None:
        return None
    rows: list[_Row] = [
        {"model": "", "trained": "unseen", **_EVALUATION, **row} for row in training.get("evaluation") or []
    ]
    models: list[str] = list(dict.fromkeys([*(training.get("models") or []), *(row["model"] for row in rows)]))
    cells = {(row["model"], row["horizon"]): row for row in rows}
    return {
        "student": {"name": "–", "parameters": None, **(training.get("student") or {})},
        "seconds": training.get("seconds"),
        "models": [(model, charts.model_mark(index)) for index, model in enumerate(models)],
        "plot": charts.accuracy_plot(rows, models) if rows else None,
        "table": [(h, [cells.get((model, h)) for model in models]) for h in sorted({row["horizon"] for row in rows})],
        "curves": [_curve(curve) for curve in training.get("curves") or []],
        "notes": training.get("notes") or [],
        "some_undecided": any(row["undecided"] for row in rows),
    }


def _curve(curve: _Row) -> _Row:
    name, unit, x_name = (str(curve.get(key) or "") for key in ("name", "unit", "x"))
    points = [(x, y) for x, y in curve.get("points") or [] if charts.is_number(x) and charts.is_number(y)]
    unreadable = len(curve.get("points") or []) - len(points)
    drawn = charts.curve_plot(points, x_name=x_name, label=f"{name} by {x_name}") if points else None
    last = f"{max(points)[1]:.4g}" if points else "–"
    return {
        "name": name,
        "unit": unit,
        "plot": drawn,
        "num_points": len(points),
        "last": last,
        "unreadable": unreadable,
    }


# --- time


def _times(report: Mapping[str, Any]) -> list[_Row]:
    times = [(stage.get("stage", ""), stage.get("seconds")) for stage in report.get("stages") or []]
    times += [
        (f"training: {stage}", spent)
        for stage, spent in ((report.get("training") or {}).get("stage_seconds") or {}).items()
    ]
    tenths = [round(10 * seconds) if charts.is_number(seconds) else 0 for _, seconds in times]
    return [
        {"stage": stage, "seconds": seconds, "bar": charts.stacked_bar([("plain", width)], max(tenths))}
        for (stage, seconds), width in zip(times, tenths, strict=True)
    ]
