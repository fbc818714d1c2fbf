"""`catena taxonomy`: what it prints, what it writes, and that a wrong word leaves every file as it was."""

import argparse
import io
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from catena.errors import DatasetError, UserError
from catena.flows import taxonomy_command
from catena.records import Topic
from catena.schemas import records_of, table_of
from catena.shards import read_shard, write_shard
from catena.storage import Store
from catena.taxonomy.files import read_tree, tree_text
from catena.taxonomy.opening import open_tree, path_of
from catena.taxonomy.tree import Tree, TreeError, add, merge, prune, tree_of

GROUPS, RINGS = ("m", "algebra", "groups"), ("m", "algebra", "rings")


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    taxonomy_command.add_arguments(parser)
    return taxonomy_command.run(parser.parse_args([str(word) for word in words]))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A tree file of five proposed leaves."""
    leaves = ["m/algebra/groups", "m/algebra/rings", "m/geometry/curves", "p/optics/lenses", "p/optics/TCP/IP"]
    tree = tree_of(Topic(tuple(leaf.split("/", 2)), support=0.5) for leaf in leaves)
    topics = {path: replace(topic, status="proposed", origin="some model") for path, topic in tree.topics.items()}
    path = tmp_path / "tree.jsonl"
    path.write_bytes(tree_text(Tree(topics)))
    return path


# --- look


def test_show_prints_the_tree_and_what_is_below_a_topic(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", file, "--below", "m/algebra") == 0
    assert capsys.readouterr().out.splitlines() == [
        "m / algebra: 2 children, 2 leaves",
        "├── groups   proposed by 50% of samples",
        "└── rings   proposed by 50% of samples",
    ]
    assert run("show", "general", "--depth", 1) == 0
    assert "mathematics   " in capsys.readouterr().out


def test_a_terminal_gets_as_many_levels_as_fit_and_a_pipe_gets_all(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    assert run("show", "general") == 0
    assert len(capsys.readouterr().out.splitlines()) > 600
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert run("show", "general") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= taxonomy_command.MOST_LINES + 2
    assert lines[-1].endswith("shown; --depth, --below and --all show more)")


def test_a_terminal_without_box_characters_gets_ascii(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", written)
    run("show", file)
    written.flush()
    assert "|   |-- groups" in written.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]


def test_diff_names_what_became_of_each_topic(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.jsonl"
    tree = add(prune(read_tree(str(file)), GROUPS, "not \x1b[31m here"), Topic(("m", "sets")))
    other.write_bytes(tree_text(tree))
    assert run("diff", file, file) == 0
    capsys.readouterr()
    assert run("diff", file, other) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [r"~ m / algebra / groups  proposed -> pruned: not \x1b[31m here", "+ m / sets"]
    assert lines[2].startswith("2 topics differ; ")


def test_coverage_counts_the_rows_of_shards(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    topics = [Topic(GROUPS)] * 3 + [Topic(("p", "optics", "lenses")), Topic(("q",))]
    table = table_of(Topic, topics).rename_columns({"path": "topic_path"})
    write_shard(Store(str(tmp_path)), "rows.parquet", table)
    assert run("coverage", file, "--rows", tmp_path / "rows.parquet") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("level 1: 2 topics, 4 rows; rows 0.81 bits, evenness 0.81; leaves 0.97 bits")
    assert "leaves without rows: 3" in lines
    assert "  q: 1 rows" in lines
    write_shard(Store(str(tmp_path)), "else.parquet", table_of(Topic, topics))
    with pytest.raises(DatasetError, match="no column 'topic_path'"):
        run("coverage", file, "--rows", tmp_path / "else.parquet")


# --- edit


def test_a_pruned_topic_is_gone_with_its_reason_and_as_a_persons(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("prune", file, "p / optics", "--reason", "out of scope") == 0
    out = capsys.readouterr().out
    assert "~ p / optics  proposed -> pruned: out of scope; origin changed" in out
    tree = read_tree(str(file))
    assert tree.identity in out
    assert tree.topics["p", "optics"].origin == "human"
    assert tree.topics["p", "optics", "lenses"].origin == "some model"
    assert {path for path in tree.live if path[0] == "p"} == {("p",)}


def test_what_a_person_names_is_locked_with_all_above_it_and_nothing_else(file: Path) -> None:
    run("merge", file, "m/algebra/groups", "m/algebra/rings", "--reason", "same")
    run("rename", file, "m / geometry / curves", "plane curves")
    tree = read_tree(str(file))
    locked = {path for path, topic in tree.topics.items() if topic.status == "locked"}
    assert locked == {("m",), ("m", "algebra"), RINGS, ("m", "geometry"), ("m", "geometry", "plane curves")}
    assert tree.topics[GROUPS].merged_into == RINGS
    human = {path for path, topic in tree.topics.items() if topic.origin == "human"}
    assert human == {GROUPS, RINGS, ("m", "geometry", "curves"), ("m", "geometry", "plane curves")}


def test_a_branch_moves_under_another_parent_or_to_the_top(file: Path) -> None:
    run("move", file, "m / geometry", "p")
    run("move", file, "p / optics", "/")
    tree = read_tree(str(file))
    assert ("p", "geometry", "curves") in tree.live
    assert ("optics", "TCP/IP") in tree.live
    assert tree.topics["p", "optics"].merged_into == ("optics",)


def test_lock_locks_a_branch_with_all_above_it_and_keeps_who_proposed_it(file: Path) -> None:
    run("lock", file, "m/algebra")
    tree = read_tree(str(file))
    assert {path for path in tree.live if tree.live[path].status == "locked"} == {
        ("m",),
        ("m", "algebra"),
        GROUPS,
        RINGS,
    }
    run("lock", file)
    assert {topic.status for topic in read_tree(str(file)).live.values()} == {"locked"}
    assert {topic.origin for topic in read_tree(str(file)).live.values()} == {"some model"}


def test_a_dry_run_says_the_same_and_writes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = file.read_bytes()
    run("prune", file, "m/algebra/rings", "--reason", "no", "--dry-run")
    said = capsys.readouterr().out.splitlines()
    assert said[-1].endswith("topics would change; nothing is written")
    assert file.read_bytes() == before
    run("prune", file, "m/algebra/rings", "--reason", "no")
    assert capsys.readouterr().out.splitlines()[:-1] == said[:-1]
    assert run("prune", "general", "mathematics", "--reason", "no", "--dry-run") == 0


def test_a_seed_is_edited_into_another_file_and_never_over_one_that_exists(tmp_path: Path) -> None:
    seed, out = tmp_path / "seed.toml", tmp_path / "out.jsonl"
    seed.write_text('[mathematics.algebra]\ntopics = ["groups", "rings"]\n')
    with pytest.raises(UserError, match=r"seed is not edited in place; give --output FILE\.jsonl"):
        run("prune", seed, "mathematics/algebra/rings", "--reason", "no")
    run("prune", seed, "mathematics/algebra/rings", "--reason", "no", "--output", out)
    assert len(read_tree(str(out)).leaves) == 1
    with pytest.raises(UserError, match="exists already"):
        run("prune", seed, "mathematics/algebra/groups", "--reason", "no", "--output", out)
    assert len(read_tree(str(out)).leaves) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prune", "m/algebra/group", "--reason", "r"], "nearest: 'm / algebra / groups'"),
        (["prune", "m/algebra", "--reason", " "], "--reason: .* is empty"),
        (["prune", "x" * 10_000, "--reason", "r"], "10,000 characters, longer than any path"),
        (["prune", " / ", "--reason", "r"], "no topic is named"),
        (["merge", "m", "m/algebra", "--reason", "r"], "cannot be merged"),
        (["rename", "m/algebra", "a\x1b[31mb"], "control or invisible character"),
        (["rename", "m/algebra", "x" * 10_000], "10000 characters, at most 200"),
        (["rename", "m/algebra", "geometry"], "merge the two instead"),
        (["rename", "m/algebra", "q / algebra"], "without its path"),
        (["move", "m", "m/algebra"], "below itself"),
        (["move", "m/algebra", "p/heat"], "no topic 'p / heat'"),
        (["lock", "m", "--output", "tree.txt"], r"ends in \.jsonl"),
    ],
)
def test_an_edit_that_cannot_be_made_leaves_the_file_untouched(file: Path, words: list[str], said: str) -> None:
    before = file.read_bytes()
    with pytest.raises(UserError, match=said) as raised:
        run(words[0], file, *words[1:])
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 700
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["tree.jsonl"]


def test_a_folder_that_cannot_be_written_leaves_the_tree_whole(file: Path) -> None:
    before = file.read_bytes()
    blocked = file.parent / "file.txt"
    blocked.write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        run("prune", file, "m", "--reason", "r", "--output", blocked / "out.jsonl")
    assert file.read_bytes() == before


# --- what is no tree


HEAD = b'{"format": "catena-tree", "version": 1}\n'


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"path": ["a"]}, {"path": ["a"]}], "stands twice"),
        ([{"path": ["a", "x" * 10_000]}], "10000 characters"),
        ([{"path": ["a", "b\x1b[31m"]}], "control or invisible"),
        ([{"path": ["a", " "]}], "empty"),
        ([{"path": [str(level) for level in range(40)]}], "level 13, at most 12|on level"),
        ([{"path": ["a"], "quota": "7"}], "whole number"),
        ([{"path": ["a"], "quota": -1}], "whole number"),
        ([{"path": ["a"], "support": 2}], r"share in \[0, 1\]"),
        ([{"path": ["a"], "description": 5}], "must be texts"),
        ([{"path": ["a"], "status": "merged"}], "does not say into what"),
        ([{"path": ["a"], "status": "merged", "merged_into": ["b"]}], "which is no topic"),
        ([{"path": ["a"], "status": "merged", "merged_into": ["b"]}, {"path": ["b"], "status": "merged", "merged_into": ["a"]}], "circle"),
        ([{"path": ["a"], "status": "pruned"}, {"path": ["a", "b"]}], "is live below"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", [["show"], ["lock"], ["check"]])
def test_a_tree_file_that_no_program_wrote_is_refused_and_left_alone(
    tmp_path: Path, command: list[str], lines: list[dict[str, object]], said: str
) -> None:
    file = tmp_path / "tree.jsonl"
    file.write_bytes(HEAD + b"".join(orjson.dumps(line) + b"\n" for line in lines))
    before = file.read_bytes()
    with pytest.raises(UserError, match=said) as raised:
        run(*command, file)
    assert "tree.jsonl" in str(raised.value)
    assert str(raised.value).isprintable()
    assert file.read_bytes() == before


@pytest.mark.parametrize("named", ["nothing.jsonl", "nothing.toml", "nothing", "", "x\x1b[31m", "a" * 5_000])
def test_what_names_no_tree_is_answered_with_what_would(named: str) -> None:
    with pytest.raises(UserError, match=r"no such|no tree|there is no") as raised:
        run("show", named)
    assert len(str(raised.value)) < 400
    assert str(raised.value).isprintable()


def test_the_command_ends_with_two_and_one_sentence_on_bad_input(file: Path) -> None:
    import subprocess

    done = subprocess.run([sys.executable, "-m", "catena.flows.cli", "taxonomy", "show", str(file), "--below", "zz"], capture_output=True, text=True, env={**os.environ})  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


# --- topics as people write them


def test_a_path_with_bare_slashes_is_read_where_only_one_topic_reads_so() -> None:
    tree = tree_of([Topic(("a", "b/c")), Topic(("a", "d")), Topic(("TCP/IP", "x"))])
    assert path_of(tree, "a/b/c") == ("a", "b/c")
    assert path_of(tree, "TCP/IP / x") == ("TCP/IP", "x")
    both = add(add(tree, Topic(("a", "b"))), Topic(("a", "b", "c")))
    with pytest.raises(TreeError, match="may be"):
        path_of(both, "a/b/c")
    assert path_of(both, "a / b / c") == ("a", "b", "c")
    assert path_of(both, "a / b/c") == ("a", "b/c")
    assert path_of(tree_of([Topic(("Poincare\u0301",))]), "Poincar\u00e9") == ("Poincare\u0301",)


def test_a_topic_that_is_gone_is_answered_with_where_it_went() -> None:
    tree = merge(tree_of([Topic(("a", "b")), Topic(("a", "c"))]), ("a", "b"), ("a", "c"), "same")
    with pytest.raises(TreeError, match="was merged into 'a / c': same"):
        path_of(tree, "a/b")


# --- export


def test_each_ending_is_written_in_its_own_format(file: Path, tmp_path: Path) -> None:
    for ending in (".parquet", ".md", ".html", ".jsonl"):
        assert run("export", file, tmp_path / f"out{ending}") == 0
    tree = read_tree(str(file))
    table = read_shard(Store(str(tmp_path)), "out.parquet")
    assert records_of(Topic, table) == [topic for _, topic in sorted(tree.topics.items())]
    assert set(table.column("tree").to_pylist()) == {tree.identity}
    assert sum(table.column("is_leaf").to_pylist()) == 5
    assert pq.read_schema(tmp_path / "out.parquet").field("path").type.value_type == "string"
    assert (tmp_path / "out.md").read_text().startswith("# Topic tree")
    assert (tmp_path / "out.html").read_text().startswith("<!doctype html>")
    assert read_tree(str(tmp_path / "out.jsonl")).topics == tree.topics


def test_a_picture_counts_the_rows_of_shards(file: Path, tmp_path: Path) -> None:
    table = table_of(Topic, [Topic(GROUPS)] * 3).rename_columns({"path": "topic_path"})
    write_shard(Store(str(tmp_path)), "rows.parquet", table)
    run("export", file, tmp_path / "out.html", "--rows", tmp_path / "rows.parquet")
    assert '"groups","",0,3,' in (tmp_path / "out.html").read_text()
    with pytest.raises(UserError, match=r"only \.html counts rows"):
        run("export", file, tmp_path / "out.md", "--rows", tmp_path / "rows.parquet")


def test_an_export_never_writes_over_a_tree_file_or_an_unknown_format(file: Path, tmp_path: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(UserError, match="may hold edits"):
        run("export", "general", file)
    with pytest.raises(UserError, match=r"expected one of \.parquet"):
        run("export", file, tmp_path / "out.xlsx")
    assert file.read_bytes() == before


# --- check


def test_check_lists_duplicates_and_non_topics_of_any_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = tmp_path / "names.txt"
    names.write_text(
        "Association schemes and distance-regular graphs\r\nDistance-regular graphs and association schemes\n\n"
        "Emerging directions\nGeometry of numbers\nGeometry of Banach spaces\n",
        encoding="utf-8",
    )
    assert run("check", names, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    duplicates = [pair for pair in found["pairs"] if pair["decision"] == "duplicate"]
    assert [{pair["a"], pair["b"]} for pair in duplicates] == [
        {"Association schemes and distance-regular graphs", "Distance-regular graphs and association schemes"}
    ]
    assert [other["name"] for other in found["non_topics"]] == ["Emerging directions"]
    assert all(0 <= pair["score"] <= 1 and pair["decision"] in ("duplicate", "distinct") for pair in found["pairs"])
    assert run("check", names) == 1
    assert capsys.readouterr().out.startswith("5 names: 1 near-duplicates, 1 that are no topics\n")


def test_check_is_silent_with_zero_on_clean_names_from_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\ufeffOptics\nGroup theory\n".encode())))
    assert run("check", "-") == 0
    assert capsys.readouterr().out == "2 names: 0 near-duplicates, 0 that are no topics\n"


def test_check_tells_apart_names_by_their_places_in_a_tree(tmp_path: Path) -> None:
    file = tmp_path / "tree.jsonl"
    file.write_bytes(tree_text(tree_of([Topic(("algebra", "kernels")), Topic(("operating systems", "kernels"))])))
    assert run("check", file) == 0


def test_check_hints_at_doubtful_places_of_a_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tree.jsonl"
    file.write_bytes(tree_text(tree_of([Topic(("botany", "ferns", "ferns")), Topic(("astronomy", "comets"))])))
    run("check", file, "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["misplaced"] == [
        {"path": ["botany", "ferns", "ferns"], "reason": "repeats its parent", "other": ["botany", "ferns"]}
    ]
    run("check", file)
    assert "botany / ferns / ferns: repeats its parent, botany / ferns" in capsys.readouterr().out


def test_check_answers_hostile_names_with_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = tmp_path / "names.txt"
    names.write_text("x" * 10_000 + "\nOptics\n\x1b[31mred\x1b[0m things\n", encoding="utf-8")
    assert run("check", names, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert len(found["non_topics"]) == 2
    assert run("check", names) == 1
    assert all(line.isprintable() for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\xff\xfe\x00"])
def test_check_refuses_what_holds_no_names(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "names.txt").write_bytes(data)
    with pytest.raises(DatasetError, match=r"0 names|not UTF-8"):
        run("check", tmp_path / "names.txt")
    with pytest.raises(DatasetError, match="no such file"):
        run("check", tmp_path / "absent.txt")


def test_the_shipped_tree_opens_and_is_wide_enough() -> None:
    tree = open_tree("general")
    assert len(tree.level(1)) >= 8
    assert len(tree.level(2)) >= 60
    assert len(tree.level(3)) >= 600
