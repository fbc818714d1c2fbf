"""What to write next: neighbours in turn, the least covered first, and the nearest problems shown."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catena.flows.written import Written
from catena.records import Draft
from catena.schemas import table_of
from catena.shards import Shard, write_shard
from catena.storage import Store

LEAF, OTHER = ("m", "algebra", "groups"), ("m", "algebra", "rings")
BESIDE = {LEAF: ["rings", "fields", "modules"], OTHER: ["groups", "fields", "modules"]}
WORDS = ["groups", "rings", "fields", "modules", "orders", "ideals"]


def embed(texts: list[str]) -> NDArray[np.float32]:
    """Which of a few words a text holds."""
    rows = np.array([[0.01, *(float(word in text) for word in WORDS)] for text in texts], np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def drafts(leaf: tuple[str, ...], number: int) -> list[Draft]:
    return [Draft(f"{leaf[-1]}{at}", at, leaf) for at in range(number)]


def accepted(store: Store, name: str, *rows: Draft) -> Shard:
    return write_shard(store, name, table_of(Draft, list(rows)))


def test_problems_of_a_leaf_join_different_neighbours() -> None:
    found = Written(embed, concepts=2, nearby=0).guided(drafts(LEAF, 6), BESIDE)
    joined = [draft.concepts for draft in found]
    assert {one[0] for one in joined} == {"groups"}
    assert {one[1] for one in joined[:3]} == {"rings", "fields", "modules"}
    assert joined[:3] == joined[3:]


def test_what_was_accepted_is_joined_last_and_shown_as_written_already(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    first = Draft("a", 0, LEAF, concepts=("groups", "fields"), statement="Let groups act on fields.")
    second = Draft("b", 0, OTHER, concepts=("rings", "modules"), statement="Let rings act on modules.")
    written = Written(embed, concepts=2, nearby=1)
    written.read(store, [accepted(store, "one.parquet", first, second)])
    found = written.guided(drafts(LEAF, 3), BESIDE)
    assert found[-1].concepts == ("groups", "fields")
    assert found[-1].nearby == ("Let groups act on fields.",)


def test_reading_on_gives_the_same_as_reading_all_at_once(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    shards = [
        accepted(
            store,
            f"{name}.parquet",
            Draft(name, 0, LEAF, concepts=("groups", name), statement=f"On groups and {name}."),
        )
        for name in ("rings", "fields", "modules")
    ]
    stepwise, at_once = (Written(embed, concepts=2, nearby=2) for _ in range(2))
    for upto in (1, 3):
        stepwise.read(store, shards[:upto])
    at_once.read(store, shards)
    assert stepwise.guided(drafts(LEAF, 4), BESIDE) == at_once.guided(drafts(LEAF, 4), BESIDE)
    stepwise.read(store, shards[:1])  # an earlier round planned anew is read anew
    assert all(len(draft.nearby) == 1 for draft in stepwise.guided(drafts(LEAF, 1), BESIDE))


def test_other_areas_are_not_shown(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    written = Written(embed, concepts=2, nearby=3)
    far = Draft("a", 0, ("p", "optics", "lenses"), concepts=("lenses",), statement="Light groups.")
    written.read(store, [accepted(store, "one.parquet", far)])
    assert written.guided(drafts(LEAF, 1), BESIDE)[0].nearby == ()


def test_a_leaf_without_neighbours_stands_alone() -> None:
    assert Written(embed, concepts=3, nearby=2).guided(drafts(LEAF, 1), {})[0].concepts == ("groups",)
