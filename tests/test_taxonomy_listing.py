"""Trees as text: nothing is hidden unsaid, and nothing in a name reaches the terminal or the Markdown reader as a command."""

import pytest

from catena.records import Topic
from catena.taxonomy.listing import FOLD, listing, markdown, printable
from catena.taxonomy.tree import Tree, TreeError, merge, prune, tree_of


def a_tree() -> Tree:
    leaves = {"m/algebra/groups": 3, "m/algebra/rings": 4, "m/geometry/curves": 0, "p/optics/lenses": 5}
    return tree_of(Topic(tuple(leaf.split("/")), quota) for leaf, quota in leaves.items())


def test_branches_leaves_and_quotas_read_as_a_tree() -> None:
    head, *lines = listing(a_tree())
    assert head.endswith(": 2 subjects, 4 leaves, quota 12")
    assert lines == [
        "m   3 leaves, quota 7",
        "├── algebra   2 leaves, quota 7",
        "│   ├── groups   quota 3",
        "│   └── rings   quota 4",
        "└── geometry   1 leaf",
        "    └── curves",
        "p   1 leaf, quota 5",
        "└── optics   1 leaf, quota 5",
        "    └── lenses   quota 5",
    ]


def test_a_depth_counts_from_what_is_shown() -> None:
    assert list(listing(a_tree(), depth=1))[1:] == ["m   3 leaves, quota 7", "p   1 leaf, quota 5"]
    assert list(listing(a_tree(), depth=1, below=("m",))) == [
        "m: 2 children, 3 leaves, quota 7",
        "├── algebra   2 leaves, quota 7",
        "└── geometry   1 leaf",
    ]
    assert list(listing(a_tree(), depth=2, below=("m",)))[2] == "│   ├── groups   quota 3"


def test_a_topic_that_is_not_there_is_refused() -> None:
    with pytest.raises(TreeError, match="'m / algebra'"):
        list(listing(a_tree(), below=("m", "algebr")))


def test_many_children_are_folded_and_counted_until_all_are_asked_for() -> None:
    tree = tree_of(Topic(("s", "a", f"t{number}")) for number in range(FOLD + 212))
    folded, whole = list(listing(tree)), list(listing(tree, all=True))
    assert folded[-1] == "    └── ... and 212 more (--all shows them)"
    assert len(folded) == 3 + FOLD + 1
    assert len(whole) == 3 + FOLD + 212
    assert [line for line in whole if "... and" in line] == []


def test_all_shows_what_became_of_topics_that_are_gone() -> None:
    tree = prune(a_tree(), ("p", "optics"), "too wide")
    tree = merge(tree, ("m", "algebra", "groups"), ("m", "algebra", "rings"), "same")
    shown = "\n".join(listing(tree, all=True))
    assert "groups   merged into m / algebra / rings: same" in shown
    assert "lenses   pruned: too wide" in shown
    assert "optics" not in "\n".join(listing(tree))
    assert shown.index("rings   quota") < shown.index("groups   merged")
    assert "3 pruned or merged" in next(iter(listing(tree)))


def test_proposed_topics_are_marked_with_the_share_of_samples_that_named_them() -> None:
    tree = tree_of(
        [Topic(("s", "a", "t"), status="proposed", support=2 / 3), Topic(("s", "a", "u"), status="proposed")]
    )
    assert list(listing(tree))[-2:] == ["    ├── t   proposed by 67% of samples", "    └── u   proposed"]


@pytest.mark.parametrize("name", ["\x1b[31mred", "a\nb", "right\u202eleft", "z\u200bero", "\x9b31m", "del\x7f"])
def test_no_control_character_reaches_the_terminal(name: str) -> None:
    tree = prune(tree_of([Topic(("s", name, "t")), Topic(("s", "u"))]), ("s", "u"), name)
    lines = [*listing(tree, all=True), *markdown(tree).split("\n")]
    assert all(line.isprintable() for line in lines)
    assert printable(name) in "\n".join(lines)


def test_a_lone_surrogate_is_shown_escaped() -> None:
    assert printable("half \ud800") == "half \\ud800"


def test_a_long_name_is_cut_and_its_length_said() -> None:
    (line,) = list(listing(tree_of([Topic(("x" * 10_000,))])))[1:]
    assert len(line) < 250
    assert line.endswith("… (10,000 characters)")


def test_a_tree_of_ten_thousand_leaves_and_one_of_a_thousand_levels_are_listed() -> None:
    wide = tree_of(Topic((f"s{number % 8}", f"a{number % 80}", f"t{number}")) for number in range(10_000))
    deep = tree_of([Topic(tuple(f"level {number}" for number in range(1_000)))])
    assert sum(1 for _ in listing(wide, all=True)) == 1 + 8 + 80 + 10_000
    assert sum(1 for _ in listing(deep)) == 1 + 1_000


def test_markdown_has_subjects_as_headings_and_what_is_gone_at_the_end() -> None:
    tree = tree_of([*a_tree().topics.values(), Topic(("m", "sets"), description="Axioms.")])
    lines = markdown(prune(tree, ("p",), "out of scope")).split("\n")
    assert lines[2] == f"1 subject, 4 leaves. Identity `{prune(tree, ('p',), '').identity}`."
    assert lines[4:12] == [
        "## m (4 leaves, quota 7)",
        "",
        "- algebra (2 leaves, quota 7)",
        "  - groups (quota 3)",
        "  - rings (quota 4)",
        "- geometry (1 leaf)",
        "  - curves",
        "- sets: Axioms.",
    ]
    assert "- p: pruned: out of scope" in lines


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("a*b_c`d`", r"a\*b\_c\`d\`"),
        ("[x](javascript:y)", r"\[x\](javascript:y)"),
        ("# head", r"\# head"),
        ("1968. first", r"1968\. first"),
        ("see http://a.b or www.c.d", r"see http:\/\/a.b or www\.c.d"),
        ("- item", r"\- item"),
        ("$x^2$", r"\$x\^2\$"),
        ("&lt;", r"\&lt;"),
        ("C++ and TCP/IP", "C++ and TCP/IP"),
        ("C-H activation (1.5)", "C-H activation (1.5)"),
    ],
)
def test_markdown_in_a_name_is_taken_literally(name: str, written: str) -> None:
    assert f"- {written}" in markdown(tree_of([Topic(("s", name))])).split("\n")
