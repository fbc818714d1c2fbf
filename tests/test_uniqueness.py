"""Problems that were written before, and problems that stand in a benchmark."""

from hypothesis import given
from hypothesis import strategies as st

from catena.validators.contamination import Benchmarks
from catena.validators.duplicates import EXACT, NEAR
from catena.validators.uniqueness import Seen

RIDE = (
    "A cyclist rides 12 km at 18 km/h, rests for 20 minutes and goes on at twice that speed for another 30 km. How long is the"
    " whole journey in minutes, the rest included? Give the answer as an integer, and assume that speeds are constant."
)
WORDS = st.lists(st.sampled_from(RIDE.split()), min_size=8, max_size=40).map(" ".join)


def test_the_same_and_nearly_the_same_are_told_with_what_they_repeat() -> None:
    seen = Seen()
    texts = [RIDE, "  " + RIDE.upper(), RIDE + " Good luck!", "Find the rank of the matrix below over the rationals."]
    assert seen.admit(list("abcd"), texts) == [None, (EXACT, "a"), (NEAR, "a"), None]
    assert len(seen) == 2


@given(texts=st.lists(WORDS, max_size=12), cut=st.integers(0, 12))
def test_it_makes_no_difference_where_a_run_was_taken_up_again(texts: list[str], cut: int) -> None:
    ids = [str(number) for number in range(len(texts))]
    whole = Seen().admit(ids, texts)
    first, resumed = Seen(), Seen()
    early = first.admit(ids[:cut], texts[:cut])
    kept = [at for at, found in enumerate(early) if found is None]
    resumed.remember([ids[at] for at in kept], [texts[at] for at in kept])
    assert early + resumed.admit(ids[cut:], texts[cut:]) == whole


def test_a_benchmark_item_is_found_whole_inside_another_text_and_with_other_numbers() -> None:
    known = Benchmarks(
        {"rides": [RIDE, "What is two and two?"], "others": ["Name the capital of a country of your choice."]}
    )
    inside = f"First a warm-up. {RIDE} Then add the number of days in a week."
    assert known.find(RIDE) is not None
    found = known.find(inside)
    assert found is not None
    assert (found.benchmark, found.item, found.masked) == ("rides", 0, False)
    mixed = "Mix 3 litres at 20 degrees with 5 litres at 60 degrees and 2 litres at 90 degrees of water."
    renumbered = Benchmarks({"mixes": [mixed]}).find(mixed.replace("3", "4").replace("60", "50").replace("90", "81"))
    assert renumbered is not None
    assert renumbered.masked
    assert known.find("So, what is two and two? Say it.") is not None


def test_problems_of_the_same_kind_in_other_words_are_not_found() -> None:
    known = Benchmarks({"rides": [RIDE]})
    other = (
        "A ferry crosses a lake of 9 km at 27 km/h, waits 15 minutes at the pier and returns at half that speed. After how many"
        " minutes is it back, if its speed does not change on the way? Give the answer as an integer."
    )
    assert known.find(other) is None
    assert known.find("") is None
