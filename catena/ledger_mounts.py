"""Whether a path lies on a network file system, where SQLite's locks and shared memory do not hold."""

import re
from pathlib import Path

from catena.errors import LedgerError

MOUNTS = Path("/proc/self/mountinfo")
NETWORK = frozenset(
    {
        "9p", "acfs", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fakeowner", "fhgfs", "fuse", "gfs", "gfs2", "glusterfs",
        "gpfs", "lustre", "mmfs", "ncp", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "prl_fs", "pvfs2", "smb2",
        "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs", "wekafs",
    }
)  # fmt: skip
LOCAL_FUSE = frozenset(
    {
        "fuse.bindfs", "fuse.cryfs", "fuse.encfs", "fuse.ext2", "fuse.fuse-overlayfs", "fuse.gocryptfs", "fuse.mergerfs",
        "fuse.ntfs", "fuse.ntfs-3g", "fuse.securefs", "fuse.unionfs", "fuse.zfs",
    }
)  # fmt: skip


def refuse_network_file_system(path: Path, mounts: str | None = None) -> None:
    """Does nothing where SQLite may lie at `path`.

    Args:
        path: The database, existing or not; links are followed.
        mounts: A text like /proc/self/mountinfo; by default that file, and where there is none every path is let through.

    Raises:
        LedgerError: It is on a network file system.
    """
    if mounts is None:
        try:
            mounts = MOUNTS.read_text(errors="surrogateescape")
        except OSError:
            return
    kind = file_system(path, mounts)
    if kind in NETWORK or (kind.startswith("fuse.") and kind not in LOCAL_FUSE):
        raise LedgerError(
            f"{path}: lies on a network file system ({kind}), where SQLite loses writes; put the ledger on a local disk, or"
            f" use a folder of segments, which is safe there: {path.with_suffix('')}/"
        )


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that holds `path`: of the mount with the longest prefix, the last one where several match."""
    parts = path.resolve().parts
    longest, kind = -1, ""
    for line in mounts.split("\n"):
        mount, dash, source = line.partition(" - ")
        fields = mount.split(" ")
        if not dash or len(fields) < 5:
            continue
        place = Path(_unescaped(fields[4])).parts
        if len(place) >= longest and parts[: len(place)] == place:
            longest, kind = len(place), source.split(" ", 1)[0]
    return kind


def _unescaped(text: str) -> str:
    """Mount points have space, tab, newline and backslash as octal escapes."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
