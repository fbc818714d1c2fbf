"""Hosts in network namespaces of this machine: several addresses on one switch, each with a plug to be pulled.

The network ends in these namespaces: nothing there can be reached from outside, nor can it reach anything else. Making one
takes root. There is no fall-back over loopback: in a trial two of two Ray nodes did not join over 127.0.0.1 in time.
"""

import ctypes
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

NUMBER = 5
"""Hosts: the flow's and four for workers."""
ALLOWED = os.geteuid() == 0 and all(map(shutil.which, ("ip", "nsenter")))
"""Whether this machine lets us make hosts."""
T = TypeVar("T")


@dataclass(frozen=True)
class Host:
    """A network namespace with one address, or the loopback of this machine where `space` is None."""

    address: str
    space: str | None = None

    def command(self, *arguments: str | Path) -> list[str]:
        """A command line that runs there."""
        inside = [] if self.space is None else ["nsenter", f"--net=/run/netns/{self.space}"]
        return [*inside, *map(str, arguments)]

    def unplug(self) -> None:
        """Cuts the host off, as pulling its cable would: nobody hears of its end."""
        if self.space is not None:
            _ip("-n", self.space, "link", "set", "eth0", "down")

    def inside(self, work: Callable[[], T]) -> T:
        """What `work` returns; a socket that it opens stays in the namespace."""

        def enter() -> T:
            if self.space is not None:
                with open(f"/run/netns/{self.space}") as file:
                    assert ctypes.CDLL(None).setns(file.fileno(), 0) == 0, "the namespace cannot be entered"
            return work()

        with ThreadPoolExecutor(1) as thread:  # a namespace is entered by one thread, and this one ends here
            return thread.submit(enter).result()


LOOPBACK = Host("127.0.0.1")


@contextmanager
def hosts(number: int = NUMBER) -> Iterator[list[Host]]:
    """Hosts on one switch; the switch is the first one's."""
    prefix = f"c{secrets.token_hex(3)}"
    names = [f"{prefix}-{index}" for index in range(number)]
    try:
        for index, name in enumerate(names):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
            _wire(names[0], name, index)
        yield [Host(f"10.77.0.{1 + index}", name) for index, name in enumerate(names)]
    finally:
        for name in reversed(names):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _wire(switch: str, name: str, index: int) -> None:
    if name == switch:
        _ip("-n", name, "link", "add", "eth0", "type", "bridge")
    else:
        _ip("-n", switch, "link", "add", f"port{index}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("-n", switch, "link", "set", f"port{index}", "master", "eth0", "up")
    _ip("-n", name, "addr", "add", f"10.77.0.{1 + index}/24", "dev", "eth0")
    _ip("-n", name, "link", "set", "eth0", "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
