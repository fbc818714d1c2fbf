import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.taxonomy.comparison import compare
from catena.taxonomy.names import LONGEST, clean, read_name
from catena.taxonomy.words import words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Association schemes and distance-regular graphs", "Distance-regular graphs and association schemes"),
        ("Theory of graphs", "Graph theory"),
        ("Introduction to topology", "Topology"),
        ("Mind, philosophy of", "Philosophy of mind"),
        ("Industrialisation of Britain", "Industrialization of Britain"),
        ("Cell signalling", "cell  signaling"),
        ("Palaeontology", "Paleontology"),
        ("Markov chain", "Markov chains"),
        ("Mitochondria", "Mitochondrion"),
        ("Non-linear dynamics", "Nonlinear dynamics"),
        ("World War I", "First World War"),
        ("CNNs", "Convolutional neural networks"),
        ("Gödel’s theorem", "Godel's theorem"),
        ("LINEAR RECURRENCES", "Linear recurrences"),
        ("SN2 reactions", "S_N2 reactions"),
        ("K-theory (algebraic and topological)", "K-theory (topological, algebraic)"),
    ],
)
def test_names_that_differ_in_form_have_one_key(one: str, other: str) -> None:
    assert read_name(one).key == read_name(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Philosophy of history", "History of philosophy"),
        ("World War I", "World War II"),
        ("Vitamin A", "Vitamin B"),
        ("IPv4", "IPv6"),
        ("On-policy learning", "Off-policy learning"),
        ("Henry IV, Part 1", "Henry IV, Part 2"),
        ("C", "C++"),
        ("Exercise", "Excise"),
        ("Topic models", "Models"),
        ("Aspects", "Tense and aspect"),
        ("Mercury (planet)", "Mercury (element)"),
    ],
)
def test_names_that_differ_in_meaning_have_two(one: str, other: str) -> None:
    assert read_name(one).key != read_name(other).key


def test_parentheses_are_in_the_key_but_not_in_the_core() -> None:
    one, other = read_name("Heterocyclic chemistry"), read_name("Heterocyclic chemistry (N, O, S heterocycles)")
    assert one.core == other.core == one.key != other.key


@pytest.mark.parametrize("word", ["exercise", "precise", "supervised", "disease", "analysis", "physics", "bias", "gas"])
def test_words_that_only_look_british_or_plural_stay(word: str) -> None:
    assert read_name(word).key == word


def test_a_capital_x_is_a_number_only_where_one_stands() -> None:
    assert read_name("X-ray diffraction").numbers == ()
    assert read_name("Louis X").numbers == ("10",)
    assert read_name("MHC class II molecules").numbers == ("2",)


def test_what_is_embedded_keeps_plurals_and_writes_abbreviations_out() -> None:
    assert read_name("Measurement of GDP (income approach)").plain == "measurement of gross domestic product"
    assert read_name("Stokes' theorems").plain == "stokes theorems"


@pytest.mark.parametrize(
    ("one", "other", "opposites"),
    [
        ("Supervised learning", "Unsupervised learning", ("supervised", "unsupervised")),
        ("Inorganic chemistry", "Organic chemistry", ("inorganic", "organic")),
        ("Hypertension", "Hypotension", ("hypertension", "hypotension")),
        ("Upper bounds", "Lower bounds", ("upper", "lower")),
        ("History of Spain", "History of Portugal", ("spain", "portugal")),
        ("Upper and lower bounds", "Lower and upper bounds", None),
        ("Cancer treatment", "Cancer therapy", None),
    ],
)
def test_opposites_are_seen_where_one_stands_for_the_other(
    one: str, other: str, opposites: tuple[str, str] | None
) -> None:
    assert compare(read_name(one), read_name(other)).opposites == opposites


@pytest.mark.parametrize(
    ("one", "other", "turned"),
    [
        ("Philosophy of history", "History of philosophy", True),
        ("Algebraic geometry", "Geometric algebra", True),
        ("Impact of trade on growth", "Impact of growth on trade", True),
        ("Functional equations", "Functions and equations", True),
        ("Sociology of religion", "Religious sociology", False),
        ("Measuring poverty", "Measurement of poverty", False),
        ("Antibiotic resistance in bacteria", "Bacterial resistance to antibiotics", False),
    ],
)
def test_the_direction_of_the_same_words_is_seen(one: str, other: str, turned: bool) -> None:
    assert compare(read_name(one), read_name(other)).turned is turned


def test_initials_match_the_words_they_stand_for_and_no_others() -> None:
    right = compare(
        read_name("DSGE policy analysis"), read_name("Policy analysis with dynamic stochastic general equilibrium")
    )
    wrong = compare(read_name("XYZ policy analysis"), read_name("Policy analysis with dynamic stochastic equilibrium"))
    alone = compare(read_name("IR"), read_name("Information retrieval"))
    unlisted = compare(read_name("BOLD imaging"), read_name("Blood oxygen level dependent imaging"))
    assert right.equal
    assert unlisted.abbreviated == 1
    assert unlisted.equal
    assert wrong.abbreviated == 0
    assert alone.abbreviated == 0  # two letters alone stand for too much


def test_parentheses_that_differ_are_told_from_those_that_repeat() -> None:
    def extras(one: str, other: str) -> str:
        return compare(read_name(one), read_name(other)).extras

    assert extras("K-theory (algebraic and topological)", "K-theory (topological and algebraic)") == "same"
    assert extras("Mercury (planet)", "Mercury (element)") == "differ"
    assert extras("Mercury (planet)", "Mercury") == "one"
    assert extras("Quadratic sieve method (QSM)", "QSM") == "alias"
    assert extras("Bonds (chemistry)", "Chemistry") == "one"


def test_the_tables_are_lower_case_and_in_the_form_that_words_are_compared_in() -> None:
    table = words()
    shown = {*table.light, *table.members}
    assert all(word == word.lower() for word in shown)
    unread = {word for word in table.members if read_name(f"zzz {word}").words != ("zzz", word)}
    assert not unread, f"these can never be met: {sorted(unread)}"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_read_and_comparing_it_with_itself_is_equal(text: str) -> None:
    name = read_name(text)
    assert len(name.plain) <= max(4 * LONGEST, len(name.text))
    assert not any(ord(letter) < 32 for letter in name.text)
    assert compare(name, name).equal
    assert read_name(clean(text)).key == name.key


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abcdeforw -,()IVX12&'", max_size=40), st.text(alphabet="abcdeforw -,()IVX12&'", max_size=40))
def test_comparison_is_symmetric(one: str, other: str) -> None:
    there, back = compare(read_name(one), read_name(other)), compare(read_name(other), read_name(one))
    assert (there.equal, there.numbers, there.turned, there.heads, there.extras) == (
        back.equal,
        back.numbers,
        back.turned,
        back.heads,
        back.extras,
    )
    assert (there.shared, len(there.only_a), len(there.only_b)) == (back.shared, len(back.only_b), len(back.only_a))
