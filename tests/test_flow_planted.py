"""Every planted flaw is accounted for: each problem that the rehearsal server wrote ended in one place, with its reason."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from catena.records import content_id

pytestmark = pytest.mark.usefixtures("prefect_server")

RECIPE = """
name = "planted"
seed = 9
tree = "general"

[models.writer]
model = "writer-model"
urls = ["http://127.0.0.1:9/v1"]

[models.judge]
model = "judge-model"
urls = ["http://127.0.0.1:9/v1"]

[[pipeline]]
name = "problems"
rows = 300
unique = true
topics = [["mathematics", "algebra"], ["physics", "mechanics"], ["chemistry"]]
steps = [{ do = "write-problem", model = "writer" }, { do = "judge-problem", models = ["judge"] }]

[rehearsal]
seed = 4
planted = "PLANTED"

[rehearsal.model]
wrong = 0.2
ambiguous = 0.1
off_topic = 0.1
leaked = 0.05
duplicate = 0.15
accept_right = 1.0
reject_wrong = 0.9
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder, with the planted truth beside it."""
    folder = tmp_path_factory.mktemp("planted")
    recipe = folder / "r.toml"
    recipe.write_text(RECIPE.replace("PLANTED", str(folder / "planted.jsonl")), encoding="utf-8")
    command = [sys.executable, "-m", "catena.flows.cli", "run", recipe, "--rehearse", "--run-folder", folder / "run"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def planted(run: Path) -> dict[str, str]:
    """The flaw of every problem that was written, by the id of its statement."""
    lines = (run.parent / "planted.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["statement_id"]: row["planted"] for row in map(json.loads, lines)}


def fates(run: Path) -> dict[str, list[str]]:
    """Where the rows of each statement ended: `published` or the reason."""
    found: dict[str, list[str]] = {}
    for file in run.glob("stages/pipeline-problems-*/rejected/*.parquet"):
        for row in pq.read_table(file).to_pylist():
            found.setdefault(content_id(row["statement"]), []).append(row["reason"])
    for file in run.glob("data/*/*.parquet"):
        for row in pq.read_table(file).to_pylist():
            found.setdefault(content_id(row["question"]), []).append("published")
    return found


def test_every_planted_problem_ended_somewhere_and_only_once_as_published(run: Path) -> None:
    ends = fates(run)
    assert set(ends) == set(planted(run))
    assert sum(map(len, ends.values())) == 300
    assert all(reasons.count("published") <= 1 for reasons in ends.values())


def test_the_report_counts_what_the_files_hold(run: Path) -> None:
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    line = next(line for line in report["stages"] if line["stage"] == "pipeline-problems")
    reasons = Counter(reason for ends in fates(run).values() for reason in ends)
    assert line["filtered"] == {reason: rows for reason, rows in reasons.items() if reason != "published"}
    assert line["rows_out"] == reasons["published"]


def test_flaws_leave_by_the_reason_that_fits_them(run: Path) -> None:
    kinds, ends = planted(run), fates(run)
    assert {"wrong", "ambiguous", "off_topic", "leaked", "right"} <= set(kinds.values())
    judged = {
        kind: Counter("judged invalid" in ends[one] for one in ends if kinds[one] == kind) for kind in kinds.values()
    }
    assert judged["right"][True] == 0
    for kind in ("wrong", "ambiguous", "off_topic"):
        assert judged[kind][True] > 0.75 * sum(judged[kind].values())
    repeated = [reasons for reasons in ends.values() if len(reasons) > 1 and "published" in reasons]
    assert repeated
    assert all(set(reasons) <= {"published", "exact duplicate", "near duplicate"} for reasons in repeated)
