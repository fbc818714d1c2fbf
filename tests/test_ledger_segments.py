"""The segment ledger: several writers, a bounded memory, compaction that may be interrupted anywhere."""

import asyncio
import random
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.engines.base import Completion, Usage, identity
from catena.errors import LedgerError
from catena.ledger_compaction import collect_from_segments
from catena.ledger_gc import Unwanted
from catena.ledger_index import Index
from catena.ledger_segment_files import Header, Keys, encode, table_of
from catena.ledger_segment_store import SegmentStore
from catena.ledger_segments import SegmentLedger
from tests.ledger_entries import adding_process, answer, ask, check_kept, killed_at_random, put, put_all

EVERYTHING = Unwanted(models=("m/8b",))


@pytest.fixture(params=["local", "memory"])
def url(request, tmp_path):
    return str(tmp_path / "ledger") if request.param == "local" else f"memory://{uuid4().hex}/ledger"


def quick(url):
    return SegmentLedger(url, gather_s=0.02, quiet_s=0.005)


def fill(url, start, count, per_segment=5):
    ledger = quick(url)
    for first in range(start, start + count, per_segment):
        put_all(ledger, [(ask(n), answer(f"text {n}")) for n in range(first, first + per_segment)])
    ledger.close()


def texts(ledger, numbers):
    found = (ledger.find(identity(ask(n)), 100) for n in numbers)
    return [None if each is None else each.text for each in found]


def test_an_entry_is_found_as_it_was_by_this_process_and_the_next(url):
    request = ask(row_id="r\ud8001", sample=2, revision="main")
    kept = Completion("a\0b\ud800\u2028", "thought \udfff", "stop", Usage(9, 8, 7, 6), "build-3", 1.25)
    ledger = SegmentLedger(url)
    assert ledger.find(identity(request), 100) is None
    put(ledger, request, kept)
    assert ledger.find(identity(request), 100) == kept
    assert ledger.knows(identity(request))
    ledger.close()
    again = SegmentLedger(url, writable=False)
    assert again.find(identity(request), 100) == kept
    assert [(each.key, each.request, each.completion) for each in again.entries()] == [
        (identity(request), request, kept)
    ]
    with pytest.raises(LedgerError, match="opened for reading"):
        put(again, request, kept)


def test_many_callers_share_a_segment_and_a_quiet_moment_ends_it(tmp_path):
    ledger = SegmentLedger(str(tmp_path / "ledger"), gather_s=30, quiet_s=0.05)
    put_all(ledger, [(ask(n), answer()) for n in range(300)])
    assert len(ledger.catalog.segments()) == 1
    ledger.close()


def test_writers_see_each_other_after_a_refresh(url):
    first, second = quick(url), quick(url)
    put(first, ask(1), answer("one"))
    put(second, ask(2), answer("two"))
    assert second.find(identity(ask(1)), 100) is None
    second.refresh()
    assert texts(second, [1, 2]) == ["one", "two"]
    assert second.totals()[0].completions == 2
    first.close()
    second.close()


def test_the_same_completion_twice_is_counted_once_and_another_one_twice(url):
    ledger, other = quick(url), quick(url)
    put(ledger, ask(), answer("a", latency=1.0))
    put(ledger, ask(), answer("a", latency=1.0))
    assert ledger.totals()[0].completions == 1
    put(other, ask(), answer("b", latency=2.0))
    ledger.refresh()
    other.refresh()
    assert ledger.totals()[0].completions == other.totals()[0].completions == 2
    assert ledger.num_kept() == len(list(ledger.entries())) == 1
    assert texts(ledger, [0]) == texts(other, [0]) == [next(ledger.entries()).completion.text]
    ledger.close()
    other.close()


bounds = st.integers(1, 60)
steps = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 3), bounds, st.booleans(), st.integers(0, 60)),
        st.sampled_from(["compact", "reopen", "refresh"]),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(steps, st.lists(st.tuples(st.integers(0, 4), st.integers(1, 80)), max_size=20))
def test_find_and_totals_agree_with_a_plain_dictionary(taken, asked):
    url = f"memory://{uuid4().hex}"
    ledger = SegmentLedger(url, gather_s=0, quiet_s=0)
    kept: dict[tuple[int, int], Completion] = {}
    tokens_paid = count = 0
    for position, step in enumerate(taken):
        if step == "compact":
            collect_from_segments(url, Unwanted(), dry_run=False)
        elif step == "refresh":
            ledger.refresh()
        elif step == "reopen":
            ledger.close()
            ledger = SegmentLedger(url, gather_s=0, quiet_s=0)
        else:
            number, bound, cut, tokens = step
            tokens = bound if cut else min(tokens, bound)
            completion = answer(str(position), finish="length" if cut else "stop", tokens=tokens)
            if (number, bound) not in kept:
                put(ledger, ask(number, max_tokens=bound), completion)
                kept[number, bound] = completion
                tokens_paid, count = tokens_paid + tokens, count + 1
    ledger.refresh()
    for number, wanted in asked:
        mine = [(bound, each) for (key, bound), each in kept.items() if key == number]
        finished = [x for x in mine if x[1].finish_reason != "length" and x[1].usage.completion_tokens <= wanted]
        cut = [x for x in mine if x[1].finish_reason == "length" and x[0] >= wanted]
        expected = min(finished or cut, key=lambda x: (x[0] != wanted, x[0]), default=(0, None))[1]
        assert ledger.find(identity(ask(number)), wanted) == expected
    assert sum(total.completions for total in ledger.totals()) == count == len(list(ledger.entries()))
    assert sum(total.usage.completion_tokens for total in ledger.totals()) == tokens_paid
    ledger.close()


def test_compaction_makes_few_of_many_and_changes_nothing_else(url):
    fill(url, 0, 100)
    before = SegmentLedger(url, writable=False)
    totals, entries = before.totals(), sorted(each.key for each in before.entries())
    assert len(before.catalog.segments()) == 20
    done = collect_from_segments(url, Unwanted(), dry_run=True)
    assert (done.completions, done.files, done.bytes_after) == (0, 20, done.bytes_before)
    assert len(SegmentStore(url).names()) == 20
    done = collect_from_segments(url, Unwanted(), dry_run=False)
    assert (done.completions, done.files) == (0, 20)
    assert done.bytes_after < done.bytes_before
    after = SegmentLedger(url, writable=False)
    assert len(after.catalog.segments()) == 1
    assert after.totals() == totals
    assert sorted(each.key for each in after.entries()) == entries
    assert texts(before, range(100)) == [f"text {n}" for n in range(100)], "a reader goes on through a compaction"


def test_a_second_compaction_has_nothing_to_do(url):
    fill(url, 0, 30)
    collect_from_segments(url, Unwanted(), dry_run=False)
    names = SegmentStore(url).names()
    assert collect_from_segments(url, Unwanted(), dry_run=False).files == 0
    assert SegmentStore(url).names() == names


def test_compaction_in_several_groups_keeps_everything(url):
    fill(url, 0, 60)
    done = collect_from_segments(url, Unwanted(), dry_run=False, target_bytes=6_000)
    ledger = SegmentLedger(url, writable=False)
    assert 2 <= len(ledger.catalog.segments()) < 12
    assert done.files > 2
    assert texts(ledger, range(60)) == [f"text {n}" for n in range(60)]
    assert ledger.totals()[0].completions == 60


class Interrupted(Exception):
    """The process ends here."""


class DyingStore(SegmentStore):
    """A store whose process dies at the `left`-th change."""

    left = 0

    def write(self, name, data):
        self._live()
        super().write(name, data)

    def remove(self, name):
        self._live()
        super().remove(name)

    def _live(self):
        type(self).left -= 1
        if self.left < 0:
            raise Interrupted


@pytest.mark.parametrize("changes", range(0, 14))
def test_a_compaction_that_is_interrupted_anywhere_loses_and_doubles_nothing(tmp_path, monkeypatch, changes):
    url = str(tmp_path / "ledger")
    fill(url, 0, 50)
    with_truncated = quick(url)
    put(with_truncated, ask(3, max_tokens=40), answer("cut", finish="length", tokens=40))
    totals = with_truncated.totals()
    with_truncated.close()
    monkeypatch.setattr("catena.ledger_compaction.SegmentStore", DyingStore)
    for left in (changes, changes // 2, 1000):
        DyingStore.left = left
        try:
            collect_from_segments(url, Unwanted(superseded=True), dry_run=False, target_bytes=20_000)
        except Interrupted:
            assert left < 1000
        ledger = SegmentLedger(url, writable=False)
        assert ledger.totals() == totals
        assert texts(ledger, range(50)) == [f"text {n}" for n in range(50)]
        assert ledger.num_kept() == len(list(ledger.entries())) in (50, 51)
    assert ledger.num_kept() == 50
    assert not ledger.catalog.left_over(SegmentStore(url).names())


def test_what_was_paid_stays_counted_when_completions_go(url):
    fill(url, 0, 20)
    ledger = quick(url)
    totals = ledger.totals()
    done = collect_from_segments(url, EVERYTHING, dry_run=False)
    assert done.completions == 20
    assert done.text_bytes > 20 * 6
    ledger.refresh()
    assert texts(ledger, range(20)) == [None] * 20
    assert ledger.totals() == totals
    put(ledger, ask(3), answer("asked and paid again", latency=9.0))
    assert texts(ledger, [3]) == ["asked and paid again"]
    collect_from_segments(url, Unwanted(), dry_run=False)
    again = SegmentLedger(url, writable=False)
    assert again.totals()[0].completions == 21
    assert again.num_kept() == 1
    ledger.close()


def test_gc_takes_superseded_old_and_named_ones_only(url):
    ledger = quick(url)
    cut = answer("cut", finish="length", tokens=40)
    put_all(ledger, [(ask(1, max_tokens=40), cut), (ask(1), answer()), (ask(2, max_tokens=40), cut)])
    put(ledger, ask(3, model="other"), answer())
    ledger.close()
    assert collect_from_segments(url, Unwanted(superseded=True), dry_run=True).completions == 1
    assert collect_from_segments(url, Unwanted(models=("other",)), dry_run=True).completions == 1
    assert collect_from_segments(url, Unwanted(models=("other",), superseded=True), dry_run=True).completions == 0
    assert collect_from_segments(url, Unwanted(before=1.0), dry_run=True).completions == 0
    assert collect_from_segments(url, Unwanted(before=1e11), dry_run=True).completions == 4
    collect_from_segments(url, Unwanted(superseded=True), dry_run=False)
    again = SegmentLedger(url, writable=False)
    assert again.find(identity(ask(1)), 40) == answer()
    assert again.find(identity(ask(2)), 40) == cut
    assert again.num_kept() == 3


def write_raw(url, name, data):
    store = SegmentStore(url)
    store._store.write(name, data)


def other_version():
    table = table_of([]).replace_schema_metadata({b"catena_ledger": b'{"version": 9}'})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def foreign():
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"title": ["a song"]}), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("data", "pattern"),
    [
        (b"", "cannot be read as a segment"), (b"PAR1 torn", "cannot be read as a segment"),
        (foreign(), "not a segment of a ledger"), (other_version(), "segment of version 9, this build reads version 1"),
        (encode(table_of([]), Header())[:-30], "cannot be read as a segment"),
    ],
)  # fmt: skip
def test_a_torn_foreign_or_later_segment_is_named(url, data, pattern):
    fill(url, 0, 5)
    write_raw(url, "x-000001-abc.parquet", data)
    with pytest.raises(LedgerError, match=rf"x-000001-abc\.parquet: .*{pattern}"):
        SegmentLedger(url)
    (segment,) = [name for name in SegmentStore(url).names() if not name.startswith("x-")]
    assert segment


def test_damage_inside_a_segment_is_noticed_and_the_others_can_be_read(tmp_path):
    url = str(tmp_path / "ledger")
    fill(url, 0, 10)
    (first, _) = sorted((tmp_path / "ledger").iterdir())
    data = bytearray(first.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
    first.write_bytes(data)
    found, errors = [], []
    try:
        ledger = SegmentLedger(url)
    except LedgerError as error:
        errors.append(error)
    else:
        for number in range(10):
            try:
                found += texts(ledger, [number])
            except LedgerError as error:
                errors.append(error)
        ledger.close()
    assert errors
    assert all(first.name in str(error) for error in errors)
    assert len(found) in (0, 5)


def test_a_segment_that_vanished_is_named(url):
    fill(url, 0, 10)
    ledger = SegmentLedger(url)
    gone = min(ledger.catalog.segments())
    SegmentStore(url).remove(gone)
    with pytest.raises(LedgerError, match=rf"{gone}: the segment vanished"):
        texts(ledger, range(10))
    with pytest.raises(LedgerError, match="vanished"):
        list(ledger.entries())
    ledger.close()


def test_a_password_in_the_url_is_never_shown():
    store = SegmentStore("memory://me:secret@place/ledger")
    assert "secret" not in store.place


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    url = str(tmp_path / "ledger")
    fill(url, 0, 10)
    (tmp_path / "ledger" / "README").write_text("mine")
    (tmp_path / "ledger" / ".half.parquet.1234.tmp").write_text("left by a killed writer")
    ledger = SegmentLedger(url)
    assert ledger.num_kept() == 10
    ledger.close()


def test_texts_in_memory_stay_within_a_bound(tmp_path):
    url = str(tmp_path / "ledger")
    fill(url, 0, 100)
    store = SegmentStore(url, cache_bytes=10_000)
    names = sorted(store.names())
    for name in random.Random(1).choices(names, k=60):
        assert store.answer(name, 4).text.startswith("text")
    assert sum(column.nbytes for columns in store._cache.values() for column in columns) == store._cached <= 10_000
    assert len(store._cache) >= 2


def test_everything_that_was_added_before_a_kill_is_found_after_it(tmp_path):
    url = str(tmp_path / "ledger")
    printed: list[int] = []
    for first in (0, 100_000):
        printed += killed_at_random(adding_process(url, first=first), 0.6)
        check_kept(url, printed)
    collect_from_segments(url, Unwanted(), dry_run=False)
    check_kept(url, printed)
    assert len(printed) >= 64


def keys_of(numbers):
    halves = np.array([(number, number % 7) for number in numbers], np.uint64).reshape(-1, 2)
    return Keys(halves, np.full(len(numbers), 10), np.arange(len(numbers)))


@given(st.lists(st.lists(st.integers(0, 50), max_size=12), max_size=8), st.sets(st.integers(0, 7)))
def test_the_index_holds_what_a_dictionary_would(segments, dropped):
    index = Index()
    expected: dict[int, list[tuple[int, int, int, int]]] = {}
    for number, members in enumerate(segments):
        index.add([(number, keys_of(members))])
        for row, member in enumerate(members):
            if number not in dropped:
                expected.setdefault(member, []).append((10, row, number, row))
    index.drop(dropped)
    for member in range(52):
        key = member.to_bytes(8, "big") + (member % 7).to_bytes(8, "big")
        assert sorted(index.find(key)) == sorted(expected.get(member, []))
        assert index.find(key[:8] + b"\xff" * 8) == []
    assert index.num_distinct() == len(expected)


def test_opening_and_refreshing_while_others_write_and_compact(url):
    async def busy():
        ledger = SegmentLedger(url, gather_s=0, quiet_s=0)
        reader = SegmentLedger(url)
        for number in range(60):
            await ledger.add(identity(ask(number)), ask(number), replace(answer(), text=f"text {number}"))
            if number % 10 == 9:
                await asyncio.to_thread(collect_from_segments, url, Unwanted(), dry_run=False)
            if number % 7 == 0:
                await asyncio.to_thread(reader.refresh)
            assert ledger.find(identity(ask(number)), 100) is not None
        reader.refresh()
        assert texts(reader, range(60)) == texts(ledger, range(60)) == [f"text {n}" for n in range(60)]
        assert reader.totals()[0].completions == 60
        ledger.refresh()
        assert ledger.totals() == reader.totals()
        ledger.close()
        reader.close()

    asyncio.run(busy())
