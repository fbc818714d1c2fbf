"""The ledger on full, read-only, deleted, damaged and foreign files: one sentence, and nothing kept is lost."""

import os
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

import catena.ledger_database
from catena.engines.base import identity
from catena.errors import LedgerError
from catena.ledger import open_ledger
from catena.ledger_export import export
from catena.ledger_mounts import file_system, refuse_network_file_system
from catena.ledger_salvage import Salvage
from catena.ledger_segments import SegmentLedger
from tests.ledger_entries import adding_process, answer, ask, killed_at_random, put, put_all

LONG = "what was said, at some length; " * 100


def mount(options, place):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True).returncode


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if mount("size=3m", place):
        pytest.skip("mounting a file system is not permitted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


def fill(path, count, text=LONG):
    ledger = open_ledger(str(path))
    assert put_all(ledger, [(ask(n), answer(f"{text}{n}")) for n in range(count)]) == [None] * count
    ledger.close()


def found(ledger, numbers, text=LONG):
    return [n for n in numbers if ledger.find(identity(ask(n)), 100) == answer(f"{text}{n}")]


@pytest.mark.parametrize("name", ["ledger.db", "ledger"])
def test_a_full_disk_fails_every_waiting_caller_and_loses_nothing_kept(small_disk, name):
    url = str(small_disk / name)
    ledger = open_ledger(url)
    kept: list[tuple[int, str]] = []
    errors: list[BaseException] = []
    while not errors:
        tried = [(len(kept) + n, os.urandom(1500).hex()) for n in range(100)]
        results = put_all(ledger, [(ask(n), answer(noise)) for n, noise in tried])
        kept += [each for each, result in zip(tried, results, strict=True) if result is None]
        errors = [result for result in results if result is not None]
    assert len(errors) == 100
    assert all(isinstance(error, LedgerError) and "space" in str(error) for error in errors)
    assert len(kept) >= 200
    assert all(ledger.find(identity(ask(n)), 100) == answer(noise) for n, noise in kept)
    ledger.close()
    subprocess.run(["mount", "-o", "remount,size=30m", str(small_disk)], check=True)
    again = open_ledger(url)
    put(again, ask(10**6), answer("there is room again"))
    assert all(again.find(identity(ask(n)), 100) == answer(noise) for n, noise in kept)
    assert again.totals()[0].completions == len(kept) + 1 == len(list(again.entries()))
    again.close()


def test_the_same_process_goes_on_when_there_is_room_again(small_disk):
    ballast = small_disk / "ballast"
    ledger = open_ledger(str(small_disk / "ledger.db"))
    put(ledger, ask(), answer())
    with pytest.raises(OSError, match="space"), ballast.open("wb") as file:
        file.write(b"x" * 4_000_000)
    with pytest.raises(LedgerError, match="space"):
        put(ledger, ask(1), answer(LONG * 20))
    ballast.unlink()
    put(ledger, ask(1), answer(LONG * 20))
    assert ledger.find(identity(ask(1)), 100) == answer(LONG * 20)
    assert ledger.find(identity(ask()), 100) == answer()
    ledger.close()


def test_a_disk_that_is_full_from_the_start_is_one_sentence(small_disk):
    with pytest.raises(OSError, match="space"), (small_disk / "ballast").open("wb") as file:
        file.write(b"x" * 4_000_000)
    with pytest.raises(LedgerError, match=r"cannot be written \(no space is left"):
        open_ledger(str(small_disk / "ledger.db"))
    with pytest.raises(LedgerError, match=r"[Ss]pace left"):
        open_ledger(str(small_disk / "ledger"))


@pytest.mark.parametrize("name", ["ledger.db", "ledger"])
def test_a_read_only_file_system_is_refused_for_writing_and_can_be_read(small_disk, name):
    url = str(small_disk / name)
    fill(url, 20)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(LedgerError, match="cannot be written"):
        open_ledger(url)
    reader = open_ledger(url, writable=False)
    assert found(reader, range(20)) == list(range(20))
    assert len(list(reader.entries())) == 20
    reader.close()


def test_a_read_only_copy_of_a_killed_ledger_is_read_or_refused_in_one_sentence(small_disk):
    url = str(small_disk / "ledger.db")
    killed_at_random(adding_process(url, first=0, callers=4), 0.1)
    assert os.path.getsize(f"{url}-wal")
    Path(f"{url}-shm").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(LedgerError, match="cannot be read"):
        open_ledger(url, writable=False)


def test_going_read_only_during_a_run_fails_the_callers(small_disk):
    ledger = open_ledger(str(small_disk / "ledger"))
    put(ledger, ask(), answer())
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(LedgerError, match="cannot be written"):
        put(ledger, ask(1), answer())
    assert ledger.find(identity(ask()), 100) == answer()
    ledger.close()


@pytest.mark.parametrize("lost", ["folder", "database", "log", "replaced"])
def test_a_ledger_that_is_deleted_under_a_run_is_noticed(tmp_path, lost):
    folder = tmp_path / "run"
    ledger = open_ledger(str(folder / "ledger.db"))
    put(ledger, ask(), answer())
    if lost == "folder":
        shutil.rmtree(folder)
    elif lost == "replaced":
        (folder / "ledger.db").rename(tmp_path / "elsewhere.db")
        fill(tmp_path / "other.db", 1)
        shutil.copy(tmp_path / "other.db", folder / "ledger.db")
    else:
        (folder / ("ledger.db" if lost == "database" else "ledger.db-wal")).unlink()
    results = put_all(ledger, [(ask(n), answer()) for n in range(1, 20)])
    assert all(isinstance(result, LedgerError) and "deleted or replaced" in str(result) for result in results)
    ledger.close()


def test_a_deleted_folder_of_segments_is_made_again_and_its_loss_is_said(tmp_path):
    ledger = SegmentLedger(str(tmp_path / "ledger"))
    put(ledger, ask(), answer())
    shutil.rmtree(tmp_path / "ledger")
    put(ledger, ask(1), answer())
    with pytest.raises(LedgerError, match="the segment vanished"):
        ledger.refresh()
    ledger.close()


def test_another_writer_that_does_not_let_go_is_one_sentence(path, monkeypatch):
    monkeypatch.setattr(catena.ledger_database, "BUSY_S", 0.2)
    ledger = open_ledger(str(path))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="another process has been writing to it"):
        put(ledger, ask(), answer())
    other.execute("COMMIT")
    put(ledger, ask(), answer())
    other.close()
    ledger.close()


@pytest.mark.parametrize("writable", [True, False])
def test_what_is_no_ledger_of_this_version_is_refused_and_left_alone(path, writable):
    def refused(pattern):
        before = path.read_bytes()
        with pytest.raises(LedgerError, match=pattern):
            open_ledger(str(path), writable=writable)
        assert path.read_bytes() == before

    path.write_bytes(b"these are notes, no database\n" * 200)
    refused("not a database")
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (title)")
    other.close()
    refused("not a ledger of Catena")
    path.unlink()
    fill(path, 1)
    with sqlite3.connect(path) as later:
        later.execute("PRAGMA user_version = 7")
        later.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    later.close()
    refused("ledger of version 7, this build reads version 1")


def test_a_missing_or_remote_ledger_is_one_sentence(tmp_path):
    with pytest.raises(LedgerError, match="no ledger lies here"):
        open_ledger(str(tmp_path / "none.db"), writable=False)
    with pytest.raises(LedgerError, match=r"name a folder of segments: s3://bucket/ledger$"):
        open_ledger("s3://bucket/ledger.db")
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be written"):
        open_ledger(str(tmp_path / "file" / "ledger.db"))


def pages_of(path):
    with sqlite3.connect(path) as connection:
        size, count = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count"))
    connection.close()
    return size, count


def damage(path, page, size, data=b"\xa5" * 4096):
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(data[:size])


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_around_a_damaged_page_everything_is_saved_and_the_loss_is_said(path, tmp_path, fraction):
    fill(path, 300)
    size, count = pages_of(path)
    damage(path, int(count * fraction), size)
    ledger = open_ledger(str(path), writable=False)
    with pytest.raises(LedgerError, match=r"damaged.*nothing was deleted"):
        list(ledger.entries())
    ledger.close()
    salvage = Salvage(str(path))
    saved = export(salvage.rows(), tmp_path / "saved.db", salvage.totals)
    assert 290 <= saved < 300
    assert salvage.lost == [f"{300 - saved} of 300 completions could not be read"]
    again = open_ledger(str(tmp_path / "saved.db"))
    assert len(found(again, range(300))) == saved
    assert again.totals()[0].completions == 300, "what was paid stays counted"
    again.close()


def test_a_ledger_without_its_first_pages_can_be_saved(path, tmp_path):
    fill(path, 100)
    damage(path, 1, 4096)
    with pytest.raises(LedgerError, match="damaged"):
        open_ledger(str(path))
    salvage = Salvage(str(path))
    assert export(salvage.rows(), tmp_path / "saved.db") == 100
    saved = open_ledger(str(tmp_path / "saved.db"), writable=False)
    assert found(saved, range(100)) == list(range(100))
    saved.close()


def test_a_torn_end_is_refused_and_the_rest_saved(path, tmp_path):
    fill(path, 100)
    with path.open("r+b") as file:
        file.truncate(os.path.getsize(path) * 2 // 3)
    with pytest.raises(LedgerError, match="damaged"):
        open_ledger(str(path), writable=False)
    salvage = Salvage(str(path))
    assert 50 <= export(salvage.rows(), tmp_path / "saved.jsonl") < 100


def test_one_changed_letter_is_noticed(path):
    fill(path, 50)
    data = path.read_bytes()
    spot = data.index(b"; what was said, at some length; 7"[:20], len(data) // 2)
    path.write_bytes(data[:spot] + b":" + data[spot + 1 :])
    ledger = open_ledger(str(path), writable=False)
    errors = []
    for number in range(50):
        try:
            assert ledger.find(identity(ask(number)), 100) == answer(f"{LONG}{number}")
        except LedgerError as error:
            errors.append(str(error))
    assert len(errors) == 1
    assert "check sum" in errors[0]
    ledger.close()


def test_a_log_without_its_database_is_not_lost(path, tmp_path):
    printed = killed_at_random(adding_process(str(path), first=0, callers=16), 0.05)
    assert os.path.getsize(f"{path}-wal")
    for database in (None, b""):
        path.unlink(missing_ok=True)
        if database is not None:
            path.write_bytes(database)
        for writable in (True, False):  # SQLite by itself would delete such a log
            with pytest.raises(LedgerError, match="its log is there"):
                open_ledger(str(path), writable=writable)
        assert export(Salvage(str(path)).rows(), tmp_path / "saved.jsonl") >= len(printed) > 0


def test_damage_in_the_middle_of_a_run_fails_the_callers_and_keeps_the_rest(path):
    fill(path, 400)
    ledger = open_ledger(str(path))
    size, count = pages_of(path)
    for page in range(3, count, 2):
        damage(path, page, size)
    results = put_all(ledger, [(ask(n), answer()) for n in range(1000, 1400)])
    assert any(isinstance(result, LedgerError) for result in results)
    assert all("damaged" in str(result) for result in results if result is not None)
    ledger.close()
    assert len(list(Salvage(str(path)).rows())) > 20


def test_a_clock_that_jumps_changes_nothing(path, monkeypatch):
    ledger = open_ledger(str(path))
    for number, now in enumerate((2e9, -5.0, 0.0, 1e9)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        put(ledger, ask(number), answer(str(number)))
        assert ledger.find(identity(ask(number)), 100) == answer(str(number))
    assert [entry.completion.text for entry in ledger.entries()] == ["0", "1", "2", "3"]
    ledger.close()


MOUNTS = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 27 0:40 / /home rw shared:1 - autofs systemd-1 rw
32 31 0:41 / /home rw,relatime - nfs4 server:/home rw
33 32 8:1 / /home/me/local\040disk rw - xfs /dev/sdb rw
34 27 0:50 / /mnt/bucket rw - fuse.gcsfuse bucket rw
35 27 0:51 / /mnt/layers rw - fuse.fuse-overlayfs layers rw
36 27 0:52 / /mnt/windows rw - fuseblk /dev/sdc rw
37 27 0:53 / /mnt/share rw - cifs //server/share rw
38 27 0:54 / /mnt/s3 rw - fuse mountpoint-s3 rw
not a line of this file
"""


@pytest.mark.parametrize(
    ("place", "kind", "refused"),
    [
        ("/var/run.db", "ext4", False), ("/home/me/x.db", "nfs4", True), ("/homes/x.db", "ext4", False),
        ("/home/me/local disk/x.db", "xfs", False), ("/mnt/bucket/a/b/x.db", "fuse.gcsfuse", True),
        ("/mnt/layers/x.db", "fuse.fuse-overlayfs", False), ("/mnt/windows/x.db", "fuseblk", False),
        ("/mnt/share/x.db", "cifs", True), ("/mnt/s3/x.db", "fuse", True), ("/mnt/share/../x.db", "ext4", False),
    ],
)  # fmt: skip
def test_sqlite_is_refused_on_network_file_systems(place, kind, refused):
    assert file_system(Path(place), MOUNTS) == kind
    if not refused:
        refuse_network_file_system(Path(place), MOUNTS)
        return
    with pytest.raises(LedgerError, match=rf"network file system \({kind}\).*use a folder of segments"):
        refuse_network_file_system(Path(place), MOUNTS)


def test_a_link_to_a_network_file_system_is_followed(tmp_path):
    (tmp_path / "link").symlink_to("/mnt/share/runs")
    assert file_system(tmp_path / "link" / "ledger.db", MOUNTS) == "cifs"
