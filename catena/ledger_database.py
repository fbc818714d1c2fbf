"""The SQLite file of a ledger: what is in it, how it is opened, and what its errors mean to the user.

A commit in WAL mode with `synchronous=FULL` syncs the log before it returns, so that it outlives a power failure and not
only a kill. Checkpoints are never automatic: SQLite before 3.51.3 can corrupt a database when a checkpoint runs beside a
commit of another connection (sqlite.org/wal.html#walresetbug), so the writing thread makes its own, in a mode that keeps
other writers out.
"""

import os
import shutil
import sqlite3
from pathlib import Path
from urllib.parse import quote

from catena.errors import LedgerError
from catena.ledger_mounts import refuse_network_file_system
from catena.ledger_rows import Answer, Row

APPLICATION_ID = 0x4361744C  # "CatL"
SCHEMA_VERSION = 1
PAGE_BYTES = 4096
BUSY_S = 60.0
_DAMAGED = (None, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
ROW_COLUMNS = ", ".join(Row._fields)
ANSWER_COLUMNS = ", ".join(Answer._fields)

_SCHEMA = (
    """
    CREATE TABLE completions (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL, max_tokens INTEGER NOT NULL,
        model TEXT NOT NULL, revision TEXT NOT NULL, purpose TEXT NOT NULL, row_id TEXT NOT NULL,
        sample INTEGER NOT NULL, attempt INTEGER NOT NULL, finish_reason TEXT NOT NULL,
        prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
        reasoning_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
        served_revision TEXT NOT NULL, latency_s REAL NOT NULL, written_at REAL NOT NULL,
        answer_check INTEGER NOT NULL, request_check INTEGER NOT NULL,
        exact TEXT, text TEXT NOT NULL, reasoning TEXT, request TEXT NOT NULL
    )""",
    "CREATE UNIQUE INDEX completions_by_key ON completions (key, max_tokens)",
    """
    CREATE TABLE totals (
        model TEXT NOT NULL, purpose TEXT NOT NULL,
        completions INTEGER NOT NULL, truncated INTEGER NOT NULL,
        prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
        reasoning_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
        latency_s REAL NOT NULL, kept INTEGER NOT NULL,
        PRIMARY KEY (model, purpose)
    ) WITHOUT ROWID""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)  # the request comes last, so that the pages it overflows to are not read to find a completion
_WHAT = """
    SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
    (SELECT count(*) FROM sqlite_master)"""  # one statement, since another process may be making it just now


def database_path(url: str) -> Path:
    """The local path that a ledger's URL names.

    Raises:
        LedgerError: It is not local, or lies on a network file system.
    """
    text = url.removeprefix("file://").removeprefix("local://")
    if "://" in text:
        raise LedgerError(
            f"{url}: SQLite needs a local disk; for a ledger on an object store name a folder of segments:"
            f" {url.removesuffix('.db')}"
        )
    path = Path(text).absolute()
    refuse_network_file_system(path)
    return path


def open_for_writing(path: Path) -> sqlite3.Connection:
    """A connection that may write, to a ledger that is made where there is none.

    Raises:
        LedgerError: Not a ledger, of another version, damaged, or not writable.
    """
    _refuse_log_alone(path)
    connection = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(path, "rwc")
        _prepare(path, connection)
        return connection
    except Exception as error:
        if connection is not None:
            connection.close()
        if isinstance(error, LedgerError):
            raise
        raise ledger_error(path, error) from error


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that only reads, also where the folder is read-only and beside a process that writes.

    Raises:
        LedgerError: No ledger, not one, of another version, or damaged.
    """
    _refuse_log_alone(path)
    if not path.is_file():
        raise LedgerError(f"{path}: no ledger lies here; name the ledger.db of a run folder")
    try:
        return _reading(path, "ro")
    except sqlite3.Error as error:
        if _left_over(path) or _code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise ledger_error(path, error, "read") from error
    try:
        return _reading(path, "ro&immutable=1")  # nobody can be writing where not even the log can be made
    except sqlite3.Error as error:
        raise ledger_error(path, error, "read") from error


def ledger_error(path: Path, error: Exception, doing: str = "written") -> LedgerError:
    """What an error of SQLite or of the file system means, in one sentence; `doing` is `written` or `read`."""
    code = _code(error)
    if isinstance(error, sqlite3.ProgrammingError):
        return LedgerError(f"{path}: the ledger was closed before; open it again")
    if code in _DAMAGED and not isinstance(error, OSError):
        return damaged(path, error)
    if code == sqlite3.SQLITE_BUSY:
        reason, remedy = f"another process has been writing to it for {BUSY_S:g} s", "wait for that one or stop it"
    elif code == sqlite3.SQLITE_FULL or (code != sqlite3.SQLITE_READONLY and _is_full(path)):
        reason, remedy = "no space is left on its disk", "free some"
    else:
        reason = str(error.strerror or error) if isinstance(error, OSError) else str(error)
        remedy = "make its folder accessible or choose another"
    return LedgerError(
        f"{path}: the ledger cannot be {doing} ({reason}); {remedy} and run the same command again, every completion kept"
        " before is safe"
    )


def damaged(path: Path, error: Exception) -> LedgerError:
    """A file of which not everything can be read."""
    reason = str(error).partition(" with text ")[0]  # which would be the text of a completion
    return LedgerError(
        f"{path}: the ledger is damaged ({reason}), nothing was deleted; save what can be read with"
        f" 'catena ledger export {path} saved.db --salvage' and put saved.db in its place"
    )


def stored_bytes(path: Path) -> int:
    """Size on the disk, with what was not moved from the log yet."""
    files = [path, path.with_name(f"{path.name}-wal")]
    return sum(file.stat().st_size for file in files if file.exists())


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?mode={mode}",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )


def _is_ledger(path: Path, connection: sqlite3.Connection) -> bool:
    """Whether this is a ledger of this version; False where the database is empty."""
    application, version, tables = connection.execute(_WHAT).fetchone()
    if application == APPLICATION_ID and version == SCHEMA_VERSION:
        return True
    if application == APPLICATION_ID:
        raise LedgerError(
            f"{path}: ledger of version {version}, this build reads version {SCHEMA_VERSION}; use the build that wrote it,"
            " or name another ledger"
        )
    if application or version or tables:
        raise LedgerError(f"{path}: a database, but not a ledger of Catena; name another file")
    return False


def _reading(path: Path, mode: str) -> sqlite3.Connection:
    connection = _connect(path, mode)
    try:
        if _is_ledger(path, connection):
            connection.execute("PRAGMA mmap_size = 0")
            return connection
        raise LedgerError(f"{path}: the ledger is empty, nothing was ever kept in it; name another")
    except Exception:
        connection.close()
        raise


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    there = _is_ledger(path, connection)
    for setting in () if there else (f"page_size = {PAGE_BYTES}", "auto_vacuum = INCREMENTAL"):
        connection.execute(f"PRAGMA {setting}")
    _use_log(path, connection)
    connection.execute("BEGIN IMMEDIATE")  # a file system that cannot be written to is found out now
    if not _is_ledger(path, connection):  # another process may have been faster
        for statement in _SCHEMA:
            connection.execute(statement)
    connection.execute("COMMIT")
    if not there:
        _sync_folder(path.parent)


def _use_log(path: Path, connection: sqlite3.Connection) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise LedgerError(
            f"{path}: its file system has no shared memory for SQLite (journal mode {mode}); put the ledger on a local disk,"
            f" or use a folder of segments: {path.with_suffix('')}/"
        )
    settings = ("synchronous = FULL", "fullfsync = ON", "cache_size = -16000", "wal_autocheckpoint = 0")
    for setting in (*settings, "journal_size_limit = 67108864", "mmap_size = 0"):
        connection.execute(f"PRAGMA {setting}")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refuse_log_alone(path: Path) -> None:
    """SQLite deletes a log whose database is missing or empty, and with it what was committed to it."""
    if _left_over(path) and not (path.exists() and path.stat().st_size):
        raise damaged(path, LedgerError("the database is gone, its log is there"))


def _left_over(path: Path) -> bool:
    """Whether commits lie in the log that are not in the database yet."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except OSError:
        return False


def _code(error: Exception) -> int | None:
    """The primary result code; None where the error is not SQLite's own (text that is not UTF-8)."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < 1 << 20
    except OSError:
        return False
