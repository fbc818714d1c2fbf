import copy
import math
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from catena.flows.report_charts import BUCKETS, accuracy_plot, curve_plot, problem_graph, stacked_bar
from catena.flows.report_page import page
from catena.flows.report_reliability import reliability_plot

VOID = {"meta", "link", "br", "hr", "img", "input"}
HOSTILE = "<script>alert(1)</script>{{7*7}}\"'&"


def a_stage(name: str, rows_in: int, rows_out: int, **more: Any) -> dict[str, Any]:
    counts = {"filtered": {}, "failed": {}, "pending": 0, "shards": 4, "seconds": 12.5, "rows_per_s": rows_in / 12.5}
    return {"stage": name, "rows_in": rows_in, "rows_out": rows_out, **counts, **more}


def a_link(parent: int, child: int, words: str, kind: str = "value-changing") -> dict[str, Any]:
    return {"parent": parent, "child": child, "words": words, "kind": kind}


def an_example(horizon: int, links: list[dict[str, Any]], group: str = "prose") -> dict[str, Any]:
    sources = [
        "physics.stopping_distance",
        "arithmetic.egg_market",
        "chemistry.limiting_reagent",
        "linguistics.plural_suffixes",
    ]
    topics = [
        "Physics / Mechanics / Braking and stopping",
        "Mathematics / Arithmetic / Word problems",
        None,
        "Linguistics / Morphology / Plurals",
    ]
    parts = [
        f"({chr(65 + i)}) A shop sells eggs in boxes of P{i}, where P{i} is 7 less than the answer to {chr(64 + i) if i else 'nothing'}.\n"
        "It starts the day with 1,280 eggs and sells 37 boxes. How many eggs are left?"
        for i in range(horizon)
    ]
    return {
        "group": group,
        "horizon": horizon,
        "style": "prose" if group == "prose" else "compact",
        "question": "Solve the parts in order; later parts use earlier answers.\n\n" + "\n".join(parts),
        "solution": "Part A: 1,280 - 37 × 7 = 1,021.\nPart B: 1,021 - 7 = 1,014, so the boxes hold 1,014.",
        "answer": "573 eggs",
        "graph": {
            "nodes": [
                {"label": chr(65 + i), "source": sources[i % 4], "topic": topics[i % 4], "answer": str(1021 - 64 * i)}
                for i in range(horizon)
            ],
            "links": links,
        },
        "certificate": {"necessity": [1.0] * len(links), "shortcut_probes": 6, "largest_magnitude": 1e4},
    }


def a_report() -> dict[str, Any]:
    """A made-up run of realistic size: four subjects, two styles, a student trained with SFT and RL."""
    subjects = ["Mathematics", "Physics", "Chemistry", "Earth science", "Linguistics", "Computer science"]
    evaluation = []
    for model, decay in (("SFT start", 0.60), ("SFT continued", 0.68), ("RL", 0.83)):
        for horizon in (1, 2, 3, 4, 5, 6, 8, 12, 16):
            accuracy = round(0.97 * decay ** (horizon - 1), 4)
            half = 1.96 * math.sqrt(accuracy * (1 - accuracy) / 400)
            sft = "sft" if horizon <= 3 else "unseen"
            trained = sft if model != "RL" else {True: "sft+rl"}.get(horizon <= 3, "rl" if horizon <= 6 else "unseen")
            evaluation.append(
                {"model": model, "horizon": horizon, "accuracy": accuracy, "low": max(accuracy - half, 0.0),
                 "high": min(accuracy + half, 1.0), "problems": 400, "samples": 400, "unparsed": horizon, "trained": trained}
            )  # fmt: skip
    serial = [a_link(i, i + 1, f"boxes = 7 less than {chr(65 + i)}") for i in range(3)]
    tangled = [
        a_link(0, 1, "eggs = the remainder when A is divided by 97"),
        a_link(0, 2, "moles = 12 more than the sum of the digits of A", "value-preserving"),
        a_link(1, 2, "volume = 5 more than how many characters there are in the plural form asked for in part B"),
        a_link(0, 3, "speed = 3 times A"),
        a_link(2, 3, "distance = C converted to metres", "value-preserving"),
        a_link(1, 4, "price = B divided by 4 and rounded down"),
        a_link(3, 5, "first = D"),
        a_link(4, 5, "second = 3 more than E"),
    ]
    long = [a_link(i, i + 1, f"p = {i + 2} more than {chr(65 + i)}") for i in range(11)]
    return {
        "name": "demo-serial-2cores",
        "catena": "0.1.0",
        "identity": "9f86d081884c7d659a2feaa0c55ad015",
        "seed": 20260131,
        "machine": {"cores": 2, "memory_gib": 23.4, "python": "3.11.7", "platform": "Linux x86_64"},
        "finished": "2026-02-03 14:05 UTC",
        "seconds": 4321.6,
        "rows": 118_200,
        "stages": [
            a_stage("taxonomy", 412, 396, filtered={"near duplicate": 16}, seconds=0.4),
            a_stage("atoms", 4000, 3992, failed={"domain exhausted": 8}, seconds=8.1),
            a_stage("compose", 150_000, 141_300, filtered={"no chain found": 8_700}, seconds=512.0),
            a_stage("certify", 141_300, 121_998, filtered={"link not necessary": 14_210, "answer printed": 3_102, "solved by a guess": 1_990}, seconds=1503.7),
            a_stage("duplicates", 121_998, 118_200, filtered={"same graph": 3_798}, seconds=61.0),
            a_stage("shards", 118_200, 118_200, seconds=9.0),
        ],
        "subjects": [{"subject": s, "rows": rows, "topics": 12} for s, rows in zip(subjects, (40_200, 28_000, 20_000, 14_000, 9_000, 7_000), strict=True)],
        "topics": [{"path": [s, "Area", f"Topic {i}"], "quota": 1000, "rows": 1000 - 90 * (i % 3)} for s in subjects for i in range(12)],
        "horizons": [
            {"group": group, "style": group, "horizon": h, "sft": 8_500 if h <= 3 else 0, "rl": 5_000 if h <= 6 else 0, "test": 400}
            for group in ("prose", "compact")
            for h in (1, 2, 3, 4, 5, 6, 8, 12, 16)
        ],
        "rejections": [
            {"stage": "certify", "reason": "link not necessary", "rows": 14_210},
            {"stage": "compose", "reason": "no chain found", "rows": 8_700},
            {"stage": "duplicates", "reason": "same graph", "rows": 3_798},
            {"stage": "certify", "reason": "answer printed", "rows": 3_102},
            {"stage": "certify", "reason": "solved by a guess", "rows": 1_990},
            {"stage": "taxonomy", "reason": "near duplicate", "rows": 16},
            {"stage": "atoms", "reason": "domain exhausted", "rows": 8},
        ],
        "examples": [an_example(4, serial), an_example(6, tangled), an_example(12, long, "compact"), an_example(1, [])],
        "training": {
            "student": {"name": "chain-student", "parameters": 12_345_678},
            "seconds": 2100.0,
            "curves": [
                {"name": "SFT loss", "unit": "nats per token", "x": "step", "points": [[s, 0.2 + 3 * math.exp(-s / 180) + 0.08 * math.sin(s)] for s in range(1, 1500)]},
                {"name": "RL success", "unit": "share of rollouts", "x": "step", "points": [[s, 0.9 - 0.7 * math.exp(-s / 60) + 0.03 * math.sin(3 * s)] for s in range(0, 240, 4)]},
                {"name": "RL zero-spread groups", "unit": "share of groups", "x": "tokens", "points": [[s * 25_000, 0.1 + s / 900] for s in range(0, 240, 8)]},
            ],
            "models": ["SFT start", "SFT continued", "RL"],
            "evaluation": evaluation,
            "stage_seconds": {"sft": 901.0, "sft_continued": 512.2, "rl": 640.8},
            "notes": ["Greedy decoding; completions cut at 1.25 times the longest reference."],
        },
        "cost": {"requests": 0, "prompt_tokens": 0, "completion_tokens": 0, "money": 0.0, "currency": "USD"},
    }  # fmt: skip


class _Balance(HTMLParser):
    """Checks that elements nest; collects what a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        self.outside += [tag] if tag in {"script", "link", "img", "iframe", "object", "use"} else []
        self.outside += [name for name in names if name in {"src", "href", "srcset"} or name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def parsed(html: str) -> _Balance:
    reader = _Balance()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def words_of(report: dict[str, Any]) -> str:
    return re.sub(r"\s+", " ", " ".join(parsed(page(report)).text))


def poisoned(value: Any) -> Any:
    """`value` with every text replaced, keys that are data included; `trained` and stage names too."""
    if isinstance(value, str):
        return HOSTILE
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    if isinstance(value, dict):
        data_keys = {
            "near duplicate",
            "domain exhausted",
            "no chain found",
            "answer printed",
            "same graph",
            "sft_continued",
        }
        return {HOSTILE if key in data_keys else key: poisoned(item) for key, item in value.items()}
    return value


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def test_the_page_needs_nothing_from_outside() -> None:
    html = page(a_report())
    assert parsed(html).outside == []
    assert "url(" not in html
    assert "@import" not in html
    assert len(html.encode()) < 300_000


def test_every_drawing_is_well_formed() -> None:
    drawings = re.findall(r"<svg.*?</svg>(?=\s*<|\s*[A-Z])", page(poisoned(a_report())), re.DOTALL)
    assert len(drawings) > 20
    report = a_report()
    ElementTree.fromstring(accuracy_plot(report["training"]["evaluation"], report["training"]["models"]))
    for example in report["examples"]:
        ElementTree.fromstring(problem_graph(**example["graph"]))


def test_every_text_is_escaped() -> None:
    html = page(poisoned(a_report()))
    assert "<script" not in html
    assert HOSTILE not in html
    assert parsed(html).outside == []
    assert "{{7*7}}" in html  # shown as it was given, never evaluated


def test_every_text_is_shown() -> None:
    shown = words_of(a_report())
    silent = {"sft", "rl", "sft+rl", "value-changing", "prose", "compact"}
    report = a_report()
    del report["examples"]  # graphs wrap their words
    for text in set(texts(report)) - silent:
        assert re.sub(r"\s+", " ", text) in shown, text


@pytest.mark.parametrize("part", [*a_report()])
@pytest.mark.parametrize("empty", ["missing", "none"])
def test_a_missing_part_does_not_stop_the_page(part: str, empty: str) -> None:
    report = a_report()
    if empty == "missing":
        del report[part]
    else:
        report[part] = None
    parsed(page(report))


def test_an_empty_report_says_what_is_missing() -> None:
    shown = words_of({})
    assert "No stage is recorded" in shown
    assert "unnamed run" in shown
    assert "No cost is recorded" in shown
    assert "No row is published yet" in shown
    assert "Accuracy by horizon" not in shown


def test_rows_that_add_up_are_called_so() -> None:
    assert "✓ Every row accounted for" in words_of(a_report())


def test_a_row_that_went_missing_is_named() -> None:
    report = a_report()
    report["stages"][2]["rows_in"] += 1
    assert "✗ Rows do not add up: compose has 1 unexplained" in words_of(report)
    report["stages"][2]["rows_in"] -= 3
    assert "compose has 2 too many" in words_of(report)


def test_a_row_lost_between_stages_is_named() -> None:
    report = a_report()
    report["stages"][3]["rows_in"] -= 5
    report["stages"][3]["rows_out"] -= 5
    for taken, given in ((3, "compose"), (4, "certify")):
        report["stages"][taken]["takes_from"] = [given]
    assert "compose gave 141,300, certify took 141,295; certify gave 121,993, duplicates took 121,998" in words_of(
        report
    )


def test_a_pending_stage_is_neither_good_nor_bad() -> None:
    report = a_report()
    report["stages"][-1] = a_stage("shards", 118_200, 0, pending=118_200, shards=0, seconds=0.0, rows_per_s=None)
    shown = words_of(report)
    assert "Every row accounted for; 118,200 still pending" in shown
    assert "✓ Every" not in shown


def test_zero_rows_make_a_page() -> None:
    report = a_report() | {
        "rows": 0,
        "training": None,
        "rejections": [],
        "examples": [],
        "horizons": [],
        "subjects": [],
        "topics": [],
    }
    report["stages"] = [
        a_stage(stage["stage"], 0, 0, shards=0, seconds=0.0, rows_per_s=None) for stage in report["stages"]
    ]
    shown = words_of(report)
    assert "Rows published 0" in shown
    assert "no rows in" in shown
    assert "No row was filtered and none failed" in shown


def test_reasons_that_only_the_stages_know_are_listed() -> None:
    report = a_report()
    full = words_of(report)
    report["rejections"] = []
    assert words_of(report) == full


def test_rejections_that_contradict_the_stages_are_marked() -> None:
    report = a_report()
    report["rejections"][0]["rows"] += 1
    assert "31,825 in all. The stages above count 31,824." in words_of(report)


def test_tables_of_more_rows_than_published_are_marked() -> None:
    report = a_report()
    assert "These tables hold" not in words_of(report)
    report["rows"] -= 1
    assert "✗ These tables hold 118,200 rows, more than the 118,199 published." in words_of(report)
    report["rows"] += 2
    assert "The other 1 of the 118,201 published rows have another use." in words_of(report)


def test_shares_are_not_rounded_to_certainty() -> None:
    report = a_report()
    report["training"]["evaluation"] = [
        {"model": "RL", "horizon": 1, "accuracy": 0.99999, "low": 0.00001, "high": 1.0, "problems": 9, "samples": 36, "unparsed": 0, "trained": "rl"}
    ]  # fmt: skip
    shown = words_of(report)
    assert "> 99.9 % [< 0.1 %, 100.0 %]" in shown
    assert "n = 9 problems, 36 samples" in shown


def test_an_undecided_accuracy_is_not_drawn_as_a_number() -> None:
    report = a_report()
    cell = report["training"]["evaluation"][0]
    cell |= {"accuracy": None, "low": None, "high": None, "undecided": 400}
    shown = words_of(report)
    assert "– [–, –]" in shown
    assert "400 undecided" in shown


def test_a_training_that_recorded_nothing_is_said_to() -> None:
    report = a_report() | {"training": {}}
    shown = words_of(report)
    assert "No evaluation is recorded" in shown
    assert "No curve is recorded" in shown


def test_points_that_are_no_numbers_are_left_out_and_counted() -> None:
    report = a_report()
    report["training"]["curves"] = [
        {"name": "loss", "unit": "", "x": "step", "points": [[1, math.nan], [2, None], [3, 0.5]]}
    ]
    assert "1 points, last 0.5; 2 not a finite number, left out" in words_of(report)


def test_a_long_curve_is_thinned_and_keeps_its_spike() -> None:
    points = [(float(x), 1.0) for x in range(50_000)]
    points[31_234] = (31_234.0, 9.0)
    drawn = ElementTree.fromstring(curve_plot(points, x_name="step", label="loss"))
    line = next(node for node in drawn.iter() if node.tag == "polyline").attrib["points"].split()
    assert len(line) <= 2 * BUCKETS
    heights = [float(point.split(",")[1]) for point in line]
    assert sum(height < 500 for height in heights) == 1


@pytest.mark.parametrize("values", [[0.0], [5.0, 5.0], [-3.0, 4.0], [1e-12, 2e-12], [1e15, 1e15 + 1]])
def test_any_values_can_be_a_curve(values: list[float]) -> None:
    ElementTree.fromstring(curve_plot(list(enumerate(values)), x_name="step", label="x"))


def test_a_stacked_bar_is_as_wide_as_its_count() -> None:
    bar = ElementTree.fromstring(stacked_bar([("sft", 30), ("rl", 0), ("test", 10)], 80))
    assert [(piece.attrib["x"], piece.attrib["width"]) for piece in bar] == [("0%", "37.5%"), ("37.5%", "12.5%")]


def test_a_horizon_is_shaded_only_if_no_model_was_trained_on_it() -> None:
    training = a_report()["training"]
    drawn = ElementTree.fromstring(accuracy_plot(training["evaluation"], training["models"]))
    classes = [node.attrib.get("class") for node in drawn.iter()]
    assert classes.count("unseen") == 3  # 8, 12, 16
    assert classes.count("trained") == 3 + 6  # SFT 1-3, RL 1-6
    assert classes.count("mark") + classes.count("mark open") == 27
    assert classes.count("mark") == 3 + 3 + 6


def test_links_past_a_node_run_in_lanes_of_their_own() -> None:
    nodes = [{"label": str(i), "source": "s", "topic": None, "answer": "1"} for i in range(5)]
    links = [a_link(0, 4, "far"), a_link(1, 3, "near"), a_link(0, 9, "nowhere"), a_link(3, 4, "next")]
    drawn = problem_graph(nodes, links)
    lanes = set(re.findall(r"M\d+ \d+H(\d+)V", drawn))
    assert len(lanes) == 2
    assert "nowhere" not in drawn


def test_a_long_link_is_cut_in_the_drawing_and_whole_in_its_title() -> None:
    words = "the sum of " + "very long words " * 40
    nodes = [{"label": label, "source": "界" * 90, "topic": "x" * 200, "answer": "9" * 200} for label in "AB"]
    drawn = ElementTree.fromstring(problem_graph(nodes, [a_link(0, 1, words)]))
    lines = [node.text or "" for node in drawn.iter() if node.tag == "text"]
    assert max(map(len, lines)) <= 52
    assert any(words in (node.text or "") for node in drawn.iter() if node.tag == "title")


def test_a_lone_surrogate_still_gives_a_page_that_can_be_written() -> None:
    page(a_report() | {"name": "a\ud800b"}).encode()


def test_the_report_is_not_changed() -> None:
    report = a_report()
    before = copy.deepcopy(report)
    page(report)
    assert report == before


def an_audit() -> dict[str, Any]:
    contamination = {
        "depth": "words",
        "benchmarks": {HOSTILE: 4},
        "problems": 9,
        "found": 1,
        "by_kind": {"copy": 1},
        "listed": [],
        "highest_share": 0.41,
        "highest_cosine": None,
        "recall": [{"kind": "verbatim", "planted": 4, "found": 3, "right_item": 3}],
    }
    whole = [{"kind": "concentration", "severity": "note", "row": "", "evidence": HOSTILE}]
    sums = {"secret": {"severe": 2, "warning": 0, "note": 0}}
    return {"rows": 9, "severe": 2, "findings_in_all": 3, "sums": sums, "whole": whole, "contamination": contamination}


def test_the_audit_is_shown_and_escaped() -> None:
    text = page(a_report() | {"audit": an_audit()})
    assert HOSTILE not in text
    assert "1 stand in a benchmark" in text
    assert "75.0 %" in text
    assert "<h2>Audit</h2>" not in page(a_report())


@pytest.mark.parametrize("points", [[(0.9, 0.8), (1.0, 1.0)], [(0.0, 0.0)], [(1.0, 1.0)], [(0.55, 0.1), (0.6, 1.0)]])
def test_a_reliability_diagram_keeps_its_points_inside(points: list[tuple[float, float]]) -> None:
    bins = [{"confidence": x, "right": y, "items": 3} for x, y in points]
    drawn = ElementTree.fromstring(reliability_plot(bins, label=HOSTILE))
    dots = [node for node in drawn.iter() if node.tag == "circle"]
    assert len(dots) == len(points)
    for node in dots:
        assert 44 <= float(node.get("cx", "nan")) <= 264
        assert 10 <= float(node.get("cy", "nan")) <= 230


def test_composed_rows_their_pairs_and_their_excess_are_shown_and_escaped() -> None:
    part = {"different": 2, "commonest": [{"name": "<dag>", "share": 0.6}, {"name": "loop", "share": 0.4}]}
    spread = {
        "rows": 500,
        "guess_the_mode": 0.012,
        **dict.fromkeys(("shapes", "operations", "subjects", "answers"), part),
    }
    pairs = {"group": "prose", "covered": 31, "possible": 40, "unlinked": 2, "largest_share": 0.08, "across": 0.7, "largest": "a -> <b>"}  # fmt: skip
    excess = {"model": "m", "horizon": 4, "num_problems": 9, "decided": 36, "measured": 0.25, "expected": 0.5, "log_odds": -1.1, "low": -1.6, "high": -0.6}  # fmt: skip
    text = page(a_report() | {"distribution": spread, "pairs": [pairs], "excess": [excess]})
    assert "&lt;dag&gt;" in text
    assert "<dag>" not in text
    for shown in ("1.2 %", "60.0 %", "-1.10", "most frequent: a -&gt; &lt;b&gt;", "Difficulty of the horizon itself"):
        assert shown in text
    assert "Composed rows</h2>" not in page(a_report())
