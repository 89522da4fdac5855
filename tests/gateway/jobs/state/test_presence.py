import multiprocessing
import os
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from slimgate.gateway.jobs.state.leases import Leases, Taken
from slimgate.gateway.jobs.state.presence import is_gone, present
from tests import virtual_time
from tests.gateway.jobs.jobs import memory_job


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep files apart from those of others."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_worker_is_present_until_its_end() -> None:
    """One that ends in order leaves nothing behind, and is unknown then, as those elsewhere."""
    assert not is_gone("one")
    with present("one"):
        assert not is_gone("one")
    assert not is_gone("one")


def _hang(folder: str, ready: Connection) -> None:
    tempfile.tempdir = folder
    with present("killed"):
        ready.send(True)
        ready.recv()


def test_a_killed_worker_is_gone(folder: Path) -> None:
    """Its lock has ended with it, and its shard is free at once."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_hang, args=(str(folder), theirs))
    process.start()
    assert ours.recv()

    async def claim(*, taken: bool) -> None:
        _, store = await memory_job()
        await Leases(store, "killed").claim(3)
        second = Leases(store, "second")
        if taken:
            with pytest.raises(Taken):
                await second.claim(3)
        else:
            assert (await second.claim(3)).lease.fence == 2

    virtual_time.run(claim(taken=True))
    process.kill()
    process.join()
    virtual_time.run(claim(taken=False))
    assert not is_gone("killed")  # its file is cleared away


@pytest.mark.parametrize("owner", ["../../etc/passwd", "a\0b", "", "x" * 5000])
def test_a_hostile_owner_leads_nowhere(owner: str, folder: Path) -> None:
    """Whatever a lease says, no other file is opened."""
    (folder / f"slimgate-workers-{os.getuid()}").mkdir()
    assert not is_gone(owner)
