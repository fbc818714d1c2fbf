"""Seed trees: what is read from TOML, CSV and plain lists, and what is refused in one sentence."""

import csv
import io
import json
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catena.errors import DatasetError
from catena.records import Topic
from catena.taxonomy.seed_text import MAX_DEPTH, MAX_ROWS
from catena.taxonomy.seeds import MAX_TOML_BYTES, read_seed, shipped_tree
from catena.taxonomy.tree import tree_of

NESTED = """
["mathematics".descriptions]
"number theory" = "Whole   numbers."

["mathematics"."number theory"]
topics = ["modular arithmetic", "primes"]

["mathematics"."number theory"."modular arithmetic"]
topics = ["residue   classes"]

["physics"]
topics = ["optics"]
"""
MSC = """\
code,name,parent
11-XX,Number theory,
11Axx,Elementary number theory,11-XX
11A05,"Multiplicative structure; Euclidean algorithm; greatest common divisors",11Axx
11A07,"Congruences; primitive roots; residue systems",11Axx
11Dxx,Diophantine equations,11-XX
"""
PHYSH = """\
doi,prefLabel,broader
10.29172/7a9f,Fluid Dynamics,
10.29172/21e2,Flow instability,10.29172/7a9f
10.29172/c0ff,Nonlinear Dynamics,
10.29172/5b11,Pattern formation,10.29172/21e2
10.29172/5b11,Pattern formation,10.29172/c0ff
10.29172/9d3a,Turing patterns,10.29172/5b11
"""
ACM = """\
10003752.10003753.10003754;Computability;10003752.10003753
10003752;Theory of computation;
10003752.10003753;Models of computation;10003752
"""

Nest = dict[str, Any]
NAMES = (
    st.text(
        st.characters(categories=("L", "Nd", "Po", "Pd"), exclude_characters="\u115f\u1160\u3164\uffa0"), max_size=20
    )
    .map(lambda text: unicodedata.normalize("NFC", " ".join(text.split())))
    .filter(lambda text: text and text.isprintable() and text not in ("topics", "descriptions"))
)
TREES = st.dictionaries(
    NAMES, st.recursive(st.just({}), lambda below: st.dictionaries(NAMES, below, max_size=3), max_leaves=12), min_size=1
)
ANY_TEXT = st.text(max_size=200) | st.text("[]{}'\"=.,;\n\t #ab1\u200b", max_size=60)


def seed(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def paths(topics: tuple[Topic, ...]) -> list[tuple[str, ...]]:
    return [topic.path for topic in topics]


def refusal(path: Path, **columns: str) -> str:
    with pytest.raises(DatasetError) as caught:
        read_seed(path, **columns)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.isprintable()
    assert len(message) < len(str(path)) + 700
    return message.removeprefix(str(path))


def walk(tree: Nest, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, below in tree.items():
        yield (*above, name)
        yield from walk(below, (*above, name))


def as_toml(tree: Nest, header: str = "") -> str:
    quoted = {name: json.dumps(name, ensure_ascii=False) for name in tree}
    text = f"[{header}]\n" if header else ""
    text += f"topics = [{', '.join(quoted[name] for name, below in tree.items() if not below)}]\n"
    for name, below in tree.items():
        if below:
            text += as_toml(below, f"{header}.{quoted[name]}" if header else quoted[name])
    return text


def as_csv(tree: Nest, order: Random) -> str:
    codes = {path: f"c{number}" for number, path in enumerate(walk(tree))}
    rows = [(code, path[-1], codes.get(path[:-1], "")) for path, code in codes.items()]
    order.shuffle(rows)
    out = io.StringIO()
    csv.writer(out).writerows([("code", "name", "parent"), *rows])
    return out.getvalue()


def test_nested_tables_give_every_level_with_parents_first(tmp_path: Path) -> None:
    topics = read_seed(seed(tmp_path, "tree.toml", NESTED))
    assert paths(topics) == [
        ("mathematics",),
        ("mathematics", "number theory"),
        ("mathematics", "number theory", "modular arithmetic"),
        ("mathematics", "number theory", "modular arithmetic", "residue classes"),
        ("mathematics", "number theory", "primes"),
        ("physics",),
        ("physics", "optics"),
    ]
    assert topics[1].description == "Whole numbers."
    assert {(topic.quota, topic.status, topic.origin) for topic in topics} == {(0, "locked", "seed")}


def test_an_excerpt_of_msc_is_read_by_its_codes(tmp_path: Path) -> None:
    topics = read_seed(seed(tmp_path, "msc.csv", MSC))
    assert [len(topic.path) for topic in topics] == [1, 2, 3, 3, 2]
    assert topics[3].path == (
        "Number theory",
        "Elementary number theory",
        "Congruences; primitive roots; residue systems",
    )


def test_an_excerpt_of_physh_keeps_the_second_place_of_a_concept_as_merged(tmp_path: Path) -> None:
    topics = read_seed(seed(tmp_path, "physh.csv", PHYSH), code="doi", name="prefLabel", parent="broader")
    merged = [topic for topic in topics if topic.status == "merged"]
    assert paths(tuple(merged)) == [("Nonlinear Dynamics", "Pattern formation")]
    assert merged[0].merged_into == ("Fluid Dynamics", "Flow instability", "Pattern formation")
    assert (*(merged[0].merged_into or ()), "Turing patterns") in paths(topics)
    assert len(tree_of(topics).live) == 5


def test_an_excerpt_of_acm_ccs_is_read_in_any_order_with_any_delimiter(tmp_path: Path) -> None:
    header = "id;label;up\n"
    topics = read_seed(seed(tmp_path, "acm.csv", header + ACM), code="id", name="label", parent="up", delimiter=";")
    assert paths(topics)[-1] == ("Theory of computation", "Models of computation", "Computability")
    table = (header + ACM).replace(";", "\t")
    assert read_seed(seed(tmp_path, "acm.tsv", table), code="id", name="label", parent="up") == topics


def test_a_plain_list_gives_roots_and_skips_empty_lines(tmp_path: Path) -> None:
    path = seed(tmp_path, "names.txt", "\ufeffGraph theory\r\n\r\n  knot   theory \n\nE\u0301tale cohomology")
    assert paths(read_seed(path)) == [("Graph theory",), ("knot theory",), ("Étale cohomology",)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(tree=TREES, order=st.randoms(use_true_random=False))
def test_any_tree_comes_back_from_toml_and_from_shuffled_csv(tmp_path: Path, tree: Nest, order: Random) -> None:
    expected = sorted(walk(tree))
    assert sorted(paths(read_seed(seed(tmp_path, "tree.toml", as_toml(tree))))) == expected
    from_csv = paths(read_seed(seed(tmp_path, "tree.csv", as_csv(tree, order))))
    assert sorted(from_csv) == expected
    assert all(path[:-1] in from_csv[:index] for index, path in enumerate(from_csv) if len(path) > 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(data=st.binary(max_size=200) | ANY_TEXT.map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_give_a_valid_tree_or_one_sentence(tmp_path: Path, data: bytes) -> None:
    for name in ("seed.toml", "seed.csv", "seed.txt"):
        content = b"code,name,parent\n" + data if name == "seed.csv" else data
        path = seed(tmp_path, name, content)
        message, topics = "", ()
        try:
            topics = read_seed(path)
        except DatasetError as error:
            message = str(error)
        assert len(tree_of(topics).topics) == len(topics)
        assert bool(topics) != bool(message)
        assert not message or (message.startswith(str(path)) and message.isprintable())


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("a,A,b\nb,B,a", "line 2: the parents of a -> b -> a go round in a circle; give one of them a parent outside"),
        ("a,A,a", "the parents of a -> a go round"),
        ("r,R,\na,A,r\na,A,b\nb,B,a", "code 'a' is below itself"),
        ("a,A,\nb,B,\nc,A,", "line 4: 'A' stands in line 2 already; keep one"),
        ("a,A,\nb,B,zz", "line 3: there is no row with the code 'zz' of its parent; add one"),
        ("a,A,\na,B,", "line 3: code 'a' stands in line 2 already; codes must differ"),
        ("a,A,\na,A,", "line 3: code 'a' stands in line 2 already"),
        ("a,,", "line 2, name: the name is empty"),
        (",A,", "line 2, code: the name is empty"),
        ("a,A,B,C", "line 2: 4 fields for 3 columns; quote names with delimiters"),
        ('a,"A,', "not valid CSV"),
        ("a," + "x" * 201 + ",", "line 2, name: 201 characters, at most 200 are allowed"),
        ("a," + "x" * 200_000 + ",", "not valid CSV (field larger than field limit"),
        ("a,A\x00B,", "control or invisible character"),
        ("\n".join(f"c{n},N{n},{f'c{n - 1}' if n else ''}" for n in range(13)), "on level 13, at most 12 are allowed"),
        ("", "holds no topic"),
    ],
)
def test_a_table_that_is_no_tree_is_refused(tmp_path: Path, rows: str, expected: str) -> None:
    assert expected in refusal(seed(tmp_path, "seed.csv", f"code,name,parent\n{rows}\n"))


def test_missing_columns_and_odd_delimiters_are_named(tmp_path: Path) -> None:
    path = seed(tmp_path, "seed.csv", "code;name;parent\na;A;\n")
    assert "its header must name the column 'code' once, it names 'code;name;parent'" in refusal(path)
    assert "column 'up' once" in refusal(path, parent="up", delimiter=";")
    with pytest.raises(DatasetError, match="cannot delimit columns"):
        read_seed(path, delimiter="--")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('topics = ["a", "b", "a"]', "entry 3 of 'topics': 'a' stands there already; keep one"),
        ('topics = ["a  b", "a b"]', "entry 2 of 'topics': 'a b' stands there already"),
        ('["a b"]\n["a  b"]', "'a b' has two tables; join them"),
        ('["m"]\ntopics = "x"', ", 'm': 'topics' is 'x'; write a list of names"),
        ('["m"]\ntopics = [1]', ", 'm', entry 1 of 'topics': a value of type int; write a text in quotes"),
        ('topics = ["a", ""]', "entry 2 of 'topics': the name is empty"),
        ('["m"]\nquota = 3', ", 'm': 'quota' is no table; a topic has 'topics', 'descriptions' and tables of topics"),
        ('["m"]\n"x" = 0x' + "f" * 9_000, "'x' is no table"),
        ("topics = 0x" + "f" * 9_000, "'topics' is of type int"),
        ('["m".descriptions]\n"x" = "y"', ", 'm': 'x' is described, but is no topic there"),
        ('topics = ["x"]\ndescriptions = ["x"]', "'descriptions' is of type list; write a table of texts by topic"),
        ('topics = ["x"]\n[descriptions]\n"x" = 1', "description of 'x': a value of type int"),
        ('topics = ["x"]\n[descriptions]\n"x" = "' + "y" * 1_001 + '"', "1001 characters, at most 1000 are allowed"),
        ('topics = ["zero\\u200bwidth"]', "'zero\\u200bwidth' holds a control or invisible character; remove it"),
        ('topics = ["\\u202eright to left"]', "control or invisible character"),
        ('topics = ["bell\\u0007"]', "control or invisible character"),
        ('topics = ["line\\u001cseparated"]', "control or invisible character"),
        ('topics = ["hangul\\u3164filler"]', "control or invisible character"),
        ('topics = ["' + "x" * 10_000 + '"]', "10000 characters, at most 200 are allowed; shorten it"),
        ("[" + ".".join("abcdefghijklm") + "]", "on level 13, at most 12 are allowed"),
        ("a." * 20_000 + "a = 1", "line 1: more than 200 dots; break the line into several"),
        ("x = " + "[" * 50_000, "brackets are nested too deep"),
        ("[a\n", "not valid TOML"),
        ("x = 1" + "0" * 5_000, "not valid TOML"),
        ("", "holds no topic; name at least one"),
    ],
)
def test_a_tree_that_is_none_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in refusal(seed(tmp_path, "seed.toml", text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\na\n", "line 3: 'a' stands in line 1 already; keep one"),
        ("e\u0301\n\u00e9\n", "line 2: 'é' stands in line 1 already"),
        ("x" * 201, "line 1: 201 characters"),
        ("a\x0bb", "line 1: 'a\\x0bb' holds a control"),
        ("a\n\u00a0\n", "line 2: the name is empty"),
        ("\n \n", "holds no topic"),
    ],
)
def test_a_list_with_a_bad_name_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in refusal(seed(tmp_path, "seed.txt", text))


def test_a_name_of_composed_length_200_is_still_allowed(tmp_path: Path) -> None:
    assert paths(read_seed(seed(tmp_path, "seed.txt", "e\u0301" * 200))) == [("é" * 200,)]


@pytest.mark.parametrize("suffix", ["toml", "csv", "txt"])
def test_files_that_are_not_there_not_text_or_no_files_are_refused(tmp_path: Path, suffix: str) -> None:
    assert "there is no such file" in refusal(tmp_path / f"none.{suffix}")
    assert "byte 2 is not UTF-8; save the file as UTF-8" in refusal(seed(tmp_path, f"seed.{suffix}", b"ab\xff\xfe"))
    (tmp_path / f"folder.{suffix}").mkdir()
    assert "there is no such file" in refusal(tmp_path / f"folder.{suffix}")
    os.mkfifo(tmp_path / f"pipe.{suffix}")
    assert "there is no such file" in refusal(tmp_path / f"pipe.{suffix}")


def test_files_and_trees_beyond_the_limits_are_refused(tmp_path: Path) -> None:
    assert "more than 8 MiB" in refusal(seed(tmp_path, "seed.toml", b"#" * (MAX_TOML_BYTES + 1)))
    numbers = "\n".join(map(str, range(MAX_ROWS + 1)))
    assert "more than 1,000,000 topics, the most that is read" in refusal(seed(tmp_path, "seed.txt", numbers))


def test_a_tree_of_the_greatest_depth_is_read(tmp_path: Path) -> None:
    topics = read_seed(seed(tmp_path, "seed.toml", "[" + ".".join("abcdefghijkl") + "]"))
    assert max(len(topic.path) for topic in topics) == MAX_DEPTH


def test_an_unknown_shipped_tree_is_refused_with_the_known_ones() -> None:
    with pytest.raises(DatasetError, match="no such tree comes with Catena; shipped are general"):
        shipped_tree("../../etc/passwd")
