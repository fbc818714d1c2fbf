import importlib.util
import json
import pickle
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import pytest

from catena.errors import DatasetError
from catena.generators.certified import resolve
from catena.generators.compose import Composed
from catena.generators.datasets import DatasetAtom, atom_from_row
from catena.graphs import graph_from_text, horizon_of
from catena.records import Answer, Certificate, Graph, Sample
from catena.validators.certificates import certify

DOCS = Path(__file__).parent.parent / "docs"
PENCILS = {
    "question": "Mia packs 14 boxes with 35 pencils in each. Then she sells 120 pencils. How many pencils are left?",
    "answer": "She packs 14 * 35 = <<14*35=490>>490 pencils.\n490 - 120 = <<490-120=370>>370 are left.\n#### 370",
}
EGGS = {
    "question": "A hen lays 6 eggs a week. A farmer has 25 hens and eats 20 eggs. How many eggs can he sell?",
    "answer": "The hens lay 6 * 25 = <<6*25=150>>150 eggs.\nHe sells 150 - 20 = <<150-20=130>>130 eggs.\n#### 130",
}


@pytest.fixture(scope="module")
def rows() -> Composed:
    return Composed(seed=1, certify=certify, horizons=range(2, 7), length=500)


def test_a_row_depends_on_seed_and_index_alone(rows: Composed) -> None:
    forwards = [rows[index] for index in (3, 4, 5)]
    assert [rows[index] for index in (5, 4, 3)] == forwards[::-1]
    assert Composed(seed=1, certify=certify, horizons=range(2, 7))[4] == forwards[1]
    assert Composed(seed=2, certify=certify, horizons=range(2, 7))[3] != forwards[0]


def test_another_process_makes_the_same_row(rows: Composed) -> None:
    code = (
        "from catena.generators.compose import Composed; from catena.validators.certificates import certify\n"
        "print(Composed(seed=1, certify=certify, horizons=range(2, 7))[77].problem_id)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == rows[77].problem_id


def test_every_row_is_certified_again_from_itself_alone(rows: Composed) -> None:
    for row in rows[:60]:
        assert row.graph is not None
        graph = graph_from_text(row.graph)
        answer = Answer(row.answer_type, row.answer, row.answer_unit, row.answer_tolerance)
        again = certify(row.question, answer, graph, resolve, row.problem_id)
        assert again.reason is None
        assert horizon_of(graph) == row.horizon
        assert row.intermediate_answers == tuple(str(node.answer) for node in graph.nodes)
        assert json.loads(row.certificate or "")["necessity"] == list(again.necessity)


class RefusingHalf:
    """Refuses every second row by its statement, so that many candidates are drawn again."""

    def __call__(self, statement: str, answer: Answer, graph: Graph, resolve: object, row: str) -> Certificate:
        return Certificate(True, (), 0, 0.0, "refused" if len(statement) % 2 else None)


def test_a_refused_candidate_is_drawn_again_within_its_own_index() -> None:
    rows = Composed(seed=1, certify=RefusingHalf(), horizons=[2])
    drawn = [rows.draw(index) for index in range(40)]
    assert sum(one.refused.get("refused", 0) for one in drawn) > 10
    assert all(len(one.problem.statement) % 2 == 0 for one in drawn)
    assert [one.problem_id for one in map(rows.draw, range(40))] == [one.problem_id for one in drawn]


def test_settings_that_no_candidate_satisfies_say_so() -> None:
    def never(statement: str, answer: Answer, graph: Graph, resolve: object, row: str) -> Certificate:
        return Certificate(True, (), 0, 0.0, "never")

    with pytest.raises(DatasetError, match=r"none of 256 candidates was certified \(256 never\)"):
        Composed(seed=1, certify=never, shapes="serial", horizons=[2])[0]


def test_slices_and_negative_indices_are_those_of_a_list(rows: Composed) -> None:
    assert [row.problem_id for row in rows[2:8:3]] == [rows[2].problem_id, rows[5].problem_id]
    assert rows[-1] == rows[499]
    assert len(rows) == 500
    assert rows[600:] == []
    with pytest.raises(IndexError, match="500 rows"):
        rows[500]


def test_an_unbounded_data_set_goes_on_and_has_no_length() -> None:
    endless = Composed(seed=1, certify=certify, horizons=[2], shapes="serial")
    assert endless[10**12].horizon == 2
    assert next(iter(endless)) == endless[0]
    with pytest.raises(TypeError, match="unbounded"):
        len(endless)
    with pytest.raises(ValueError, match="no end"):
        endless[5:]


def test_pickling_carries_the_settings_alone(rows: Composed) -> None:
    rows[0]
    data = pickle.dumps(rows)
    assert len(data) < 2_000
    assert pickle.loads(data)[12] == rows[12]


def test_a_torch_loader_with_workers_gives_the_rows_in_order(rows: Composed) -> None:
    data = pytest.importorskip("torch.utils.data")
    loader = data.DataLoader(rows, batch_size=3, sampler=range(6), num_workers=1, collate_fn=list)
    assert [row.problem_id for batch in loader for row in batch] == [row.problem_id for row in rows[:6]]


def test_a_stream_of_datasets_has_the_same_rows(rows: Composed) -> None:
    datasets = pytest.importorskip("datasets")
    stream = datasets.IterableDataset.from_generator(rows.dicts, gen_kwargs={"indices": [7, 8, 9]})
    assert [row["question"] for row in stream] == [row.question for row in rows[7:10]]
    assert [dict(row)["problem_id"] for row in rows.dicts([3])] == [asdict(rows[3])["problem_id"]]


def test_shares_of_shapes_are_those_asked_for() -> None:
    rows = Composed(seed=5, certify=certify, shapes="dag=3,loop", horizons=[3, 4])
    counts = Counter(rows.draw(index).problem.graph.shape for index in range(160))
    assert set(counts) == {"dag", "loop"}
    assert 100 < counts["dag"] < 140
    assert Composed(seed=5, certify=certify, shapes="loop,dag=3", horizons=[3, 4])[9] == rows[9]


def test_size_distractors_and_intermediate_answers_are_as_asked_for() -> None:
    rows = Composed(seed=3, certify=certify, shapes="dag", horizons=[4], size=8, distractors=2, intermediate=1)
    for row in rows[:5]:
        graph = graph_from_text(row.graph or "")
        assert (len(graph.nodes), len(graph.distractors), row.horizon) == (8, 2, 4)
    assert any(row.answer_type == "sequence" for row in rows[:20])


def test_topics_hold_for_every_node() -> None:
    rows = Composed(seed=3, certify=certify, topics=["physics", "Mathematics/algebra"], horizons=[3])
    topics = {resolve(node.program).topic[:1] for row in rows[:12] for node in graph_from_text(row.graph or "").nodes}  # type: ignore[attr-defined]
    assert topics == {("physics",), ("mathematics",)}


def test_compact_rows_are_of_shapes_that_have_a_symbolic_form() -> None:
    rows = Composed(seed=3, certify=certify, style="compact", horizons=[2, 3])
    shapes = {graph_from_text(row.graph or "").shape for row in rows[:30]}
    assert shapes <= {"serial", "hidden-order", "fan-out"}
    assert {row.style for row in rows[:3]} == {"compact"}


def atoms() -> Iterator[DatasetAtom]:
    for name, row in (("own/1", PENCILS), ("own/2", EGGS)):
        atom = atom_from_row(row, name)
        assert isinstance(atom, DatasetAtom)
        yield atom


def test_rows_of_a_data_set_are_sources_as_well() -> None:
    rows = Composed(seed=1, certify=certify, sources=list(atoms()), shapes="serial,fan-in", horizons=[2, 3])
    made: list[Sample] = rows[:10]
    assert {name for row in made for name in row.sources} == {"own/1", "own/2"}
    assert pickle.loads(pickle.dumps(rows))[4] == made[4]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"shapes": "star"}, "no shape 'star'; known: mixed, serial"),
        ({"shapes": "dag=0"}, "above 0"),
        ({"shapes": "dag=nan"}, "above 0"),
        ({"shapes": "dag,dag=2"}, "twice"),
        ({"shapes": ""}, "no shape ''"),
        ({"shapes": "loop", "style": "compact"}, "no shape 'loop' in style 'compact'"),
        ({"shapes": "diamond", "horizons": [2]}, "fit none of the shapes"),
        ({"shapes": "dag,diamond", "horizons": [2]}, "'diamond' has none of the horizons 2"),
        ({"horizons": [65]}, r"\[1, 64\], got 65"),
        ({"horizons": [0]}, r"\[1, 64\], got 0"),
        ({"horizons": []}, "no horizon"),
        ({"horizons": [5], "size": 4}, "horizon 5 with 4 nodes"),
        ({"topics": ["alchemy"]}, "no source has a topic 'alchemy'; known: biology"),
        ({"sources": []}, "no source"),
        ({"length": -1}, "length"),
        ({"value_preserving": 2}, "share"),
        ({"intermediate": -1}, "at least 0"),
    ],
)
def test_a_setting_that_no_row_can_have_is_refused_at_once(setting: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Composed(seed=1, certify=certify, **setting)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_shapes", DOCS / "draw_shapes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_figures_and_examples_of_the_page_are_those_of_its_rows(drawing: ModuleType) -> None:
    for path, text in drawing.drawn().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python docs/draw_shapes.py"


def test_the_rows_of_the_page_are_certified_still(drawing: ModuleType) -> None:
    rows = [json.loads(line) for line in drawing.ROWS.read_text(encoding="utf-8").splitlines()]
    assert [row["name"] for row in rows] == [*drawing.SHAPES, drawing.DISTRACTOR]
    for row in rows:
        answer = Answer(row["answer_type"], row["answer"], row["answer_unit"], row["answer_tolerance"])
        again = certify(row["question"], answer, graph_from_text(row["graph"]), resolve, row["problem_id"])
        assert again.reason is None, row["name"]


def test_the_first_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    found = re.search(r"```python\n(.*?)```", (DOCS / "composition.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    exec(found[1], {})
    assert len(found[1].splitlines()) <= 10
    assert "Part A" in capsys.readouterr().out
