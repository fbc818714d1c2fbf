import pytest

from catena.validators.duplicates import EXACT, NEAR, TEMPLATE, Duplicates, normalised

LONG = (
    "A farmer carries 12 baskets of apples to the market in the morning and sells every basket for 9 dollars before noon, "
    "then he buys 4 bags of seed for 6 dollars each and rides home. How many dollars does the farmer bring home in the evening?"
)


def test_exact_duplicates_are_found_across_shards_whatever_their_spacing() -> None:
    seen = Duplicates()
    assert seen.judge([LONG], ["a"]) == [None]
    assert seen.judge([LONG.replace(" ", "  ").upper(), "Another one"], ["b", "c"]) == [EXACT, None]


def test_near_duplicates_of_other_templates_are_found() -> None:
    reworded = LONG.replace("evening?", "night?")
    assert Duplicates(near=0.8).judge([LONG, reworded], ["a", "b"]) == [None, NEAR]


def test_the_same_template_with_new_numbers_is_kept_up_to_its_cap() -> None:
    rows = [LONG.replace("12", str(number)) for number in range(20, 26)]
    assert Duplicates().judge(rows, ["a"] * 6) == [None] * 6
    assert Duplicates(template_cap=4).judge(rows, ["a"] * 6) == [None] * 4 + [TEMPLATE] * 2


def test_different_problems_stay() -> None:
    rows = [
        LONG,
        "How many metres does a train of 30 m/s cover in 20 seconds, and how many in a whole minute of travel?",
    ]
    assert Duplicates(near=0.5).judge(rows, ["a", "b"]) == [None, None]


def test_accounting_of_templates_counts_kept_rows_only() -> None:
    seen = Duplicates()
    seen.judge([LONG, LONG, LONG.replace("12", "13")], ["a", "a", "a"])
    assert seen.templates == {"a": 2}


def test_order_decides_and_repeats_itself() -> None:
    rows = [LONG, LONG.replace("evening?", "night?"), LONG]
    assert [Duplicates(near=0.8).judge(rows, ["a", "b", "c"]) for _ in range(2)] == [[None, NEAR, EXACT]] * 2


@pytest.mark.parametrize("settings", [{"near": 0.0}, {"near": 1.5}, {"template_cap": 0}])
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Duplicates(**settings)  # type: ignore[arg-type]


def test_normalisation_folds_case_space_and_unicode_forms() -> None:
    assert normalised("  Ｔwo\n\tEGGS ") == "two eggs"
