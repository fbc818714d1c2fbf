"""The lease on a remote run folder: one holder at a time, the dead are succeeded, the paralysed notice."""

import threading
import time
from uuid import uuid4

import pytest

from catena.errors import RunFolderError, RunStopped
from catena.flows.locking import Lease, held, lease_of
from catena.storage import Store

LEASE_S = 0.6


class Silent(Lease):
    """A holder whose heart does not beat, as after SIGKILL."""

    def _keep(self) -> None:
        self._over.wait()


@pytest.fixture
def store() -> Store:
    return Store(f"memory://{uuid4().hex}/run")


def taken(lease: Lease) -> Lease:
    lease.take()
    return lease


def test_a_second_run_is_refused_while_the_holder_lives(store: Store) -> None:
    with held(store, lease_s=LEASE_S) as check:
        with pytest.raises(RunFolderError, match="another run is at work in this folder"):
            Lease(store, LEASE_S).take()
        check()
    assert lease_of(store) is not None


def test_a_folder_given_back_is_taken_at_once(store: Store) -> None:
    with held(store, lease_s=60):
        pass
    start = time.monotonic()
    with held(store, lease_s=60):
        assert time.monotonic() - start < 30  # and not the 60 s after which a silent holder counts as dead
    assert lease_of(store) == {**(lease_of(store) or {}), "released": True}


def test_a_dead_holder_is_succeeded_after_the_lease(store: Store) -> None:
    taken(Silent(store, LEASE_S))
    second = taken(Lease(store, LEASE_S))
    assert second.number == 2
    second.check()
    second.release()


def test_a_paralysed_holder_notices_that_it_was_succeeded(store: Store) -> None:
    first = taken(Silent(store, LEASE_S))
    second = taken(Lease(store, LEASE_S))
    with pytest.raises(RunStopped, match="no longer holds its folder"):
        first.check()
    first.release()  # must not give away what the second one holds
    assert lease_of(store) is not None
    assert (lease_of(store) or {})["released"] is False
    second.release()


def test_of_many_who_want_a_dead_holders_folder_one_gets_it(store: Store) -> None:
    taken(Silent(store, LEASE_S))
    got: list[Lease] = []
    refused: list[str] = []

    def want() -> None:
        try:
            got.append(taken(Lease(store, LEASE_S)))
        except RunFolderError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 7)
    got[0].release()


def test_a_local_folder_is_locked_by_the_operating_system(tmp_path) -> None:  # type: ignore[no-untyped-def]
    local = Store(str(tmp_path / "run"))
    with held(local), pytest.raises(RunFolderError, match="another run is at work"), held(local):
        pass
    with held(local) as check:
        check()
