"""Puzzle groups from the recipe to shards that trainers read and reward."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from catena.errors import RecipeError
from catena.flows import run
from catena.flows.accounting import reconcile
from catena.flows.job import Job
from catena.flows.jobs import perform
from catena.flows.plan import Plan, plan_of
from catena.flows.puzzles_recipe import Puzzles
from catena.flows.recipe import load_recipe
from catena.flows.run_folder import Marker, finished_marker
from catena.generators.search.catalog import FAMILIES
from catena.generators.search.rows import Wanted, draw_row, sample_of
from catena.puzzles import check_puzzle, compare_puzzle, puzzle_of
from catena.samples import SAMPLE
from catena.shards import read_rows
from catena.storage import Store
from catena.trainers.dataset import read_examples, rl_dataset
from catena.trainers.reward import CorrectnessReward

RECIPE = """
name = "puzzles"
seed = 5
workers = 1
shard_rows = %d

[[puzzles]]
name = "search"
levels = [1, 2]
rows = 78
test = 0.1
rl = 0.3
%s
"""


def plan(folder: Path, settings: str = "", shard_rows: int = 30) -> Plan:
    folder.mkdir(exist_ok=True)
    (folder / "r.toml").write_text(RECIPE % (shard_rows, settings), encoding="utf-8")
    return plan_of(load_recipe(folder / "r.toml"), str(folder / "run"))


def made(plan: Plan) -> dict[str, list[tuple[Job, Marker]]]:
    done: dict[str, list[tuple[Job, Marker]]] = {}
    for stage in plan.stages:
        done[stage] = [(job, perform(job)) for job in plan.jobs(stage, done)]
    return done


def rows_of(plan: Plan, done: dict[str, list[tuple[Job, Marker]]]) -> list[dict[str, Any]]:
    paths = [f"{plan.url}/{shard.path}" for _, marker in done["shards"] for shard in marker.shards]
    rows: list[dict[str, Any]] = read_rows(paths).to_pylist()
    return rows


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, dict[str, list[tuple[Job, Marker]]]]:
    one = plan(tmp_path_factory.mktemp("puzzles"))
    return one, made(one)


Whole = tuple[Plan, dict[str, list[tuple[Job, Marker]]]]


def test_a_run_publishes_the_rows_wanted_of_every_family_and_the_books_add_up(whole: Whole) -> None:
    one, done = whole
    rows = rows_of(one, done)
    assert len(rows) == 78 == len({row["problem_id"] for row in rows})
    families = Counter(json.loads(row["columns"])["puzzle"].split('"')[3] for row in rows)
    assert set(families) == set(FAMILIES)
    assert max(families.values()) <= 7
    assert reconcile(one.parents, {stage: [marker for _, marker in jobs] for stage, jobs in done.items()}) is None
    assert {row["suggested_use"] for row in rows} == {"sft", "rl", "test"}
    assert {json.loads(row["columns"])["trace"] for row in rows} == {"sequential", "independent"}
    assert len({json.loads(row["columns"])["order"] for row in rows}) == 5


def test_every_published_answer_passes_its_own_puzzle_and_stands_at_the_end_of_its_trace(whole: Whole) -> None:
    for row in rows_of(*whole):
        puzzle, columns = puzzle_of(row["columns"]), json.loads(row["columns"])
        assert puzzle is not None
        assert check_puzzle(puzzle, row["answer"]).decision == "accepted"
        assert compare_puzzle(puzzle, row["completion"][0]["content"]).verdict == "equal"
        assert row["solution"].endswith(f"Solved: {row['answer']}")
        assert len(row["solution"].split("\n")) == int(columns["steps"]) <= 200
        assert set(row) == set(SAMPLE.names)


def test_trainers_read_the_rows_and_the_reward_takes_any_right_answer(whole: Whole) -> None:
    one, done = whole
    paths = [f"{one.url}/{shard.path}" for _, marker in done["shards"] for shard in marker.shards]
    examples = [e for e in read_examples(paths, use="sft") if e.puzzle and '"countdown"' in e.puzzle]
    turned = [
        f"<answer>({e.gold.value}) = {json.loads(e.puzzle or '')['instance']['target']}</answer>" for e in examples
    ]
    data = rl_dataset([*examples, *examples])
    reward = CorrectnessReward()
    wrong = ["<answer>1 + 1</answer>"] * len(examples)
    paid = reward(
        completions=[*turned, *wrong],
        problem_id=list(data["problem_id"]),
        gold=list(data["gold"]),
        puzzle=list(data["puzzle"]),
    )
    assert paid == [1.0] * len(examples) + [0.0] * len(examples)
    assert examples


def test_rows_depend_on_seed_and_slot_alone(tmp_path: Path, whole: Whole) -> None:
    again, wider = plan(tmp_path / "a"), plan(tmp_path / "b", shard_rows=17)
    first = [Path(whole[0].url, s.path).read_bytes() for _, m in whole[1]["shards"] for s in m.shards]
    second = [Path(again.url, s.path).read_bytes() for _, m in made(again)["shards"] for s in m.shards]
    assert first == second
    names = ("problem_id", "completion", "suggested_use")
    rows, others = ([{n: row[n] for n in names} for row in rows_of(*one)] for one in (whole, (wider, made(wider))))
    key = lambda row: row["problem_id"]  # noqa: E731
    assert sorted(rows, key=key) == sorted(others, key=key)


def test_a_slot_gives_its_row_whatever_was_drawn_before() -> None:
    wanted = Wanted("any", ("sudoku", "knights"), (1, 2), {"sequential": 1.0, "independent": 1.0}, ("dfs",), 150)
    drawn = [draw_row(wanted, 9, slot, Counter()) for slot in range(6)]
    alone = draw_row(wanted, 9, 4, Counter())
    assert alone is not None
    assert drawn[4] is not None
    assert sample_of(alone) == sample_of(drawn[4])
    assert draw_row(wanted, 10, 4, Counter()) != alone


def test_traces_that_are_too_long_are_dropped_and_counted(tmp_path: Path) -> None:
    short = plan(tmp_path, 'families = ["sudoku", "queens"]\nsteps = 30\norders = ["dfs"]')
    done = made(short)
    filtered: Counter[str] = Counter()
    for _, marker in done["puzzles-search"]:
        filtered.update(marker.filtered)
    assert filtered["sequential trace too long"] > 0
    assert filtered["independent trace too long"] > 0
    assert all(int(json.loads(row["columns"])["steps"]) <= 30 for row in rows_of(short, done))


def test_repeated_puzzles_are_published_once(tmp_path: Path) -> None:
    small = plan(tmp_path, 'families = ["jugs"]\nspare = 0.5')
    done = made(small)
    [(_, decided)] = done["duplicates-puzzles-search"]
    assert decided.filtered["repeated puzzle"] > 0
    puzzles = [puzzle_of(row["columns"]) for row in rows_of(small, done)]
    assert len(puzzles) == len(set(puzzles)) == decided.rows_out


def test_only_the_unfinished_shard_is_left_to_do(tmp_path: Path) -> None:
    one = plan(tmp_path, 'families = ["queens"]')
    done = made(one)
    lost = done["puzzles-search"][1][0]
    Store(one.url).remove(lost.marker)
    left = [job.shard for job, marker in one.marked("puzzles-search", {}) if marker is None]
    assert left == [lost.shard]
    assert perform(lost).shards == done["puzzles-search"][1][1].shards
    assert finished_marker(Store(one.url), lost.marker) is not None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('families = ["chess"]', "no family 'chess'"),
        ('families = ["jugs"]\nlevels = [4, 5]', "jugs has 3"),
        ("levels = [3, 2]", "levels 3 to 2 are none"),
        ("traces = { sequential = 0, independent = 0 }", "both weights are 0"),
        ('orders = ["random"]', "orders"),
        ("stepz = 3", "did you mean 'steps'"),
    ],
)
def test_impossible_settings_are_refused_with_what_is_known(tmp_path: Path, settings: str, said: str) -> None:
    (tmp_path / "r.toml").write_text(RECIPE.replace("levels = [1, 2]\n", "") % (30, settings), encoding="utf-8")
    with pytest.raises(RecipeError, match=said):
        load_recipe(tmp_path / "r.toml")


def test_the_shipped_recipe_reads_and_names_every_family() -> None:
    recipe = load_recipe(Path(__file__).parent.parent / "recipes" / "puzzles.toml")
    assert set(recipe.puzzles[0].families) == set(FAMILIES)
    assert Puzzles(name="a", rows=1).orders == ("dfs", "bfs", "best-first", "heuristic")


def test_the_command_makes_rows_a_report_and_nothing_twice(
    tmp_path: Path, prefect_server: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.toml").write_text(RECIPE % (50, 'families = ["sudoku", "futoshiki"]'), encoding="utf-8")
    assert run.run(str(tmp_path / "r.toml"), str(tmp_path / "run"), {}, quiet=True) == 0
    report = json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))
    assert report["rows"] == 78
    assert {one["subject"] for one in report["subjects"]} == {"puzzles"}
    assert run.run(str(tmp_path / "r.toml"), str(tmp_path / "run"), {}) == 0
    assert "nothing to do" in capsys.readouterr().out
