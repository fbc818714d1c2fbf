"""The data set card: what the hub reads of it, that nothing a model wrote can act in it, and that a run leaves one."""

import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from catena.flows.auditing import AUDIT, read_audit
from catena.flows.card import CARD, CardFacts, Teacher, card_text, shown
from catena.flows.card_recipe import recipe_toml
from catena.flows.plan import plan_of
from catena.flows.recipe import Recipe, load_recipe
from catena.flows.run import SHIPPED
from catena.flows.status import open_run
from catena.validators.audit_licences import licence_of

HOSTILE = "<script>alert(1)</script>|[x](http://evil)`\n# head ![i](u) www.evil.com a@b *b* \u200b"
RATE = {"errors": 1, "trials": 20, "rate": 0.05, "low": 0.01, "high": 0.24}
VOTER = {
    "question": "validity",
    "voter": "m",
    "subject": None,
    "false_accepts": RATE,
    "false_rejects": RATE,
    "solves": None,
    "abstained": 0,
    "quarantined": False,
    "asked": 3,
}
AGREEMENT = {
    "question": "validity",
    "accuracy": 0.9,
    "best_accuracy": 0.85,
    "brier": 0.1,
    "ece": 0.02,
    "bins": [{"confidence": 0.9, "right": 0.95, "items": 30}],
}
PANEL = {
    "pipeline": "p",
    "rows": 9,
    "triage": {"accepted": 9},
    "planted": {"right": 10},
    "voters": [VOTER, {**VOTER, "subject": "physics", "quarantined": True}],
    "agreement": [AGREEMENT],
    "reviews": None,
}
FACTS = CardFacts(
    "demo", "Demo: a data set", "", "cc-by-4.0", ("en", "de"), "1.0", "abc", 7, (("sft", 1500), ("test", 20)),
    ({"stage": "rows", "rows_in": 3, "rows_out": 2, "filtered": {"off topic": 1}, "failed": {}, "pending": 0},),
    ({"subject": "physics", "rows": 2, "topics": 1},), (), (PANEL,), None,
    (Teacher("gpt-oss-20b", ("p/solve",), licence_of("gpt-oss-20b")),), 'name = "demo"\n',
)  # fmt: skip


def front(text: str) -> dict[str, object]:
    return dict(yaml.safe_load(text.split("---\n")[1]))


def test_the_hub_reads_what_stands_between_the_lines() -> None:
    found = front(card_text(FACTS))
    assert found["license"] == "cc-by-4.0"
    assert found["language"] == ["en", "de"]
    assert found["pretty_name"] == "Demo: a data set"
    assert found["size_categories"] == ["1K<n<10K"]
    sft, test = found["configs"]  # type: ignore[misc]
    assert sft == {
        "config_name": "sft", "default": True, "data_files": [{"split": "train", "path": "data/sft/*.parquet"}]
    }  # fmt: skip
    assert test["data_files"] == [{"split": "test", "path": "data/test/*.parquet"}]


def test_the_huggingface_library_takes_it_as_a_data_set_card() -> None:
    hub = pytest.importorskip("huggingface_hub")
    card = hub.DatasetCard(card_text(FACTS))
    assert card.data.license == "cc-by-4.0"
    assert card.data.size_categories == ["1K<n<10K"]


@pytest.mark.parametrize(("rows", "size"), [(999, "n<1K"), (1_000, "1K<n<10K"), (2_000_000, "1M<n<10M")])
def test_sizes_are_those_of_the_hub(rows: int, size: str) -> None:
    assert front(card_text(replace(FACTS, uses=(("sft", rows),))))["size_categories"] == [size]


def test_rates_have_intervals_and_quarantines_are_told_by_subject() -> None:
    text = card_text(FACTS)
    assert "| m | validity | 5.0 % (1.0 % to 24.0 %, n = 20) |" in text
    assert "| physics | m | validity |" in text
    assert "quarantined |" in text
    assert "Brier score 0.100, expected calibration error 0.020" in text
    assert "Apache-2.0 | yes |" in text


def test_nothing_that_a_model_wrote_means_anything_to_markdown_or_html() -> None:
    stage = {**FACTS.stages[0], "stage": HOSTILE, "filtered": {HOSTILE: 1}}
    panel = {**PANEL, "voters": [{**VOTER, "voter": HOSTILE}], "triage": {HOSTILE: 1}}
    subject = {"subject": HOSTILE, "rows": 1, "topics": 1}
    calm, loud = card_text(FACTS), card_text(
        replace(FACTS, stages=(stage,), panels=(panel,), subjects=(subject,), title=HOSTILE, description=HOSTILE)
    )  # fmt: skip
    body = loud.split("---\n", 2)[2]
    for raw in ("<script", "[x](", "![", "http://evil", "www.evil", "a@b", "\u200b", "\n# head"):
        assert body.count(raw) == calm.split("---\n", 2)[2].count(raw), raw
    assert all(
        line.count("|") - line.count("\\|") == 5
        for line in body.splitlines()
        if "&lt;script" in line and "| 3 |" in line
    )
    assert front(loud)["license"] == "cc-by-4.0"


def test_a_recipe_that_holds_backticks_cannot_end_its_block() -> None:
    text = card_text(replace(FACTS, recipe='note = """\n````\n# out\n"""\n'))
    assert "`````toml\n" in text
    assert text.rstrip().endswith("\n`````")


def test_values_are_cut_and_on_one_line() -> None:
    assert len(shown("x" * 1_000)) == 200
    assert "\n" not in shown("a\nb\u2028c\x00d")


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.toml")))
def test_the_recipe_in_a_card_is_the_recipe_without_places(name: str) -> None:
    recipe = load_recipe(SHIPPED / f"{name}.toml")
    again = Recipe.model_validate(tomllib.loads(recipe_toml(recipe)))
    reached = {"urls", "key", "options"}
    assert again.model_dump(exclude={"models", "ledger", "datasets"}) == recipe.model_dump(
        exclude={"models", "ledger", "datasets"}
    )
    for one, other in zip(again.models.values(), recipe.models.values(), strict=True):
        assert one.model_dump(exclude=reached) == other.model_dump(exclude=reached)


def test_no_key_server_or_path_of_this_machine_stands_in_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(
        f'name = "r"\nledger = "{tmp_path}/l.db"\n[[datasets]]\nname = "d"\npath = "{tmp_path}/rows.jsonl"\n'
        '[models.m]\nmodel = "/home/me/models/mine-7b"\nurls = ["http://10.1.2.3:8000/v1"]\nkey = "env:MY_KEY"\n'
        'options = { headers = { "x-secret" = "abc" } }\n'
        '[[pipeline]]\nname = "p"\nsource = "d"\nsteps = [{ do = "solve", models = ["m"] }]\n',
        encoding="utf-8",
    )
    text = recipe_toml(load_recipe(tmp_path / "r.toml"))
    for private in (str(tmp_path), "10.1.2.3", "MY_KEY", "x-secret", "/home/me"):
        assert private not in text
    assert '"rows.jsonl"' in text
    assert '"mine-7b"' in text
    Recipe.model_validate(tomllib.loads(text))


RECIPE = """
name = "carded"
seed = 3
tree = "general"
[[taxonomy]]
path = ["mathematics"]
[[datasets]]
name = "bench"
path = "{bench}"
[[compose]]
name = "chains"
rows = {{ 2 = 20, 3 = 10 }}
sft = [2]
rl = [3]
[audit]
against = ["bench"]
plant = 3
[card]
license = "cc-by-4.0"
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, prefect_server: None) -> Path:
    """A run with an audit against a benchmark of four items."""
    folder = tmp_path_factory.mktemp("carded")
    rows = [{"question": f"A clerk files {n} letters a day for {n + 2} weeks; how many letters are filed in all by then?",
             "answer": f"so\n#### {n * 7 * (n + 2)}"} for n in (3, 5, 9, 12)]  # fmt: skip
    (folder / "bench.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "r.toml").write_text(RECIPE.format(bench=folder / "bench.jsonl"), encoding="utf-8")
    assert catena(folder).returncode == 0
    return folder


def catena(folder: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "-m",
        "catena.flows.cli",
        "run",
        str(folder / "r.toml"),
        "--run-folder",
        str(folder / "run"),
    ]
    return subprocess.run([*command, *more], capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_a_run_leaves_its_card_with_the_audit_and_no_place_of_this_machine(run: Path) -> None:
    text = (run / "run" / CARD).read_text(encoding="utf-8")
    assert [one["config_name"] for one in front(text)["configs"]] == ["sft", "rl"]  # type: ignore[index, union-attr]
    assert "bench (4 items)" in text
    assert "| verbatim | 3 | 3 | 100.0 % |" in text
    assert str(run) not in text
    assert "0 severe" in text
    assert "No model wrote or judged these rows" in text


@pytest.mark.slow
def test_the_report_shows_the_audit(run: Path) -> None:
    html = (run / "run" / "report.html").read_text(encoding="utf-8")
    assert "<h2>Audit</h2>" in html
    assert "<h2>Contamination</h2>" in html
    assert json.loads((run / "run" / "report.json").read_text())["audit"]["contamination"]["found"] == 0


@pytest.mark.slow
def test_the_same_recipe_gives_the_same_card_and_another_audit_is_done_anew(run: Path) -> None:
    before = (run / "run" / CARD).read_bytes()
    known = (run / "run" / AUDIT).stat().st_mtime_ns
    (run / "run" / "finished.json").unlink()
    assert catena(run).returncode == 0
    assert (run / "run" / CARD).read_bytes() == before
    assert (run / "run" / AUDIT).stat().st_mtime_ns == known
    assert catena(run, "--set", "audit.plant=2").returncode == 0
    plan, store = open_run(str(run / "run"))
    found = read_audit(plan, store)
    assert found is not None
    assert found["contamination"]["recall"][0]["planted"] == 2


def test_an_audit_against_an_unknown_data_set_is_refused(tmp_path: Path) -> None:
    text = RECIPE.format(bench="b.jsonl").replace('against = ["bench"]', 'against = ["bonch"]')
    (tmp_path / "r.toml").write_text(text, encoding="utf-8")
    with pytest.raises(Exception, match="no data set 'bonch'; known: bench"):
        plan_of(load_recipe(tmp_path / "r.toml"), str(tmp_path))
