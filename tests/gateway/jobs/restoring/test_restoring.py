import asyncio
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimgate import models
from slimgate.codec.golden import Golden, objects
from slimgate.codec.manifest import Manifest
from slimgate.codec.restore.restore import EncoderChanged, restore
from slimgate.gateway.jobs.restoring.folder import Folder
from slimgate.gateway.jobs.restoring.item import Item, Opened
from slimgate.gateway.jobs.restoring.memory_budget import MemoryBudget
from slimgate.gateway.jobs.restoring.restoring import Restoring, Rules, Verdict

_GOLDEN = next(each for each in objects() if each.name == "recode-jpeg-jxl.jxl")
_STRICT = Rules()
_SIZE = _GOLDEN.manifest.size


async def _restore(rendition: bytes, manifest: Manifest) -> tuple[bytes, bool]:
    return restore(rendition, manifest, models.restorer), True


async def _as_another_encoder(rendition: bytes, manifest: Manifest) -> tuple[bytes, bool]:
    changed = EncoderChanged(restore(rendition, manifest, models.restorer)[:-1] + b"x")
    return changed.served, False


async def _other_bytes(_: bytes, manifest: Manifest) -> tuple[bytes, bool]:
    return bytes(manifest.size), True


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Open the folder that is written to."""
    opened = Folder(tmp_path)
    yield opened
    opened.close()


def _left(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return [path.name for path in folder.iterdir()]


def _item(
    golden: Golden = _GOLDEN, *, note: str | None = "", name: str = "k.jpg", certain: bool = True
) -> Item:
    note = golden.manifest.dumps() if note == "" else note
    data = golden.rendition
    return Item(name, lambda: Opened(note, certain, len(data), 1e9, io.BytesIO(data)))


def _restoring(out: Folder | None, rules: Rules = _STRICT, *, by: object = _restore) -> Restoring:
    return Restoring(by, out, rules, MemoryBudget(1))  # type: ignore[arg-type]  # one of the above


async def test_a_restored_file_has_the_recorded_bytes(folder: Folder, tmp_path: Path) -> None:
    """It has digest and time; the second time it is there already, and not written again."""
    assert await _restoring(folder)(_item()) == Verdict("restored", _SIZE)
    written = tmp_path / "k.jpg"
    assert hashlib.sha256(written.read_bytes()).hexdigest() == _GOLDEN.manifest.sha256
    before = written.stat()
    assert before.st_mtime == 1e9
    assert await _restoring(folder)(_item()) == Verdict("there already", _SIZE)
    assert written.stat().st_ino == before.st_ino


async def test_verifying_writes_nothing() -> None:
    """Without a folder a file is restored and forgotten."""
    assert await _restoring(None)(_item()) == Verdict("would be restored", _SIZE)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (_item(_GOLDEN._replace(rendition=_GOLDEN.rendition[:-9])), "cannot be restored"),
        (_item(objects()[0], note=_GOLDEN.manifest.dumps()), "cannot be restored"),
        (_item(note="{}"), "broken manifest"),
        (_item(note=_GOLDEN.manifest.dumps().replace('"v":1', '"v":2')), "broken manifest"),
        (_item(name="../k.jpg"), "no file can have this name"),
    ],
)
async def test_what_is_not_proved_is_not_written(
    folder: Folder, tmp_path: Path, item: Item, reason: str
) -> None:
    """Damage, another rendition, a broken manifest and a hostile name leave no file."""
    verdict = await _restoring(folder, Rules(replace=True))(item)
    assert (verdict.kind, reason in verdict.reason) == ("failed", True), verdict
    assert _left(tmp_path) == []


async def test_a_worker_is_not_trusted(folder: Folder, tmp_path: Path) -> None:
    """Bytes that it calls the recorded ones are hashed once more."""
    verdict = await _restoring(folder, by=_other_bytes)(_item())
    assert (verdict.kind, _left(tmp_path)) == ("failed", [])


async def test_other_encoders(folder: Folder, tmp_path: Path) -> None:
    """Right pixels in other bytes are written only on demand."""
    verdict = await _restoring(folder, by=_as_another_encoder)(_item())
    assert (verdict.kind, "--other-encoder" in verdict.reason) == ("failed", True)
    assert _left(tmp_path) == []
    allowed = _restoring(folder, Rules(other_encoder=True), by=_as_another_encoder)
    assert await allowed(_item()) == Verdict("restored", _SIZE)


async def test_another_file_is_replaced_only_on_demand(folder: Folder, tmp_path: Path) -> None:
    """A file of the same name stays, even one of the same size."""
    for size in (3, _SIZE):
        (tmp_path / "k.jpg").write_bytes(bytes(size))
        verdict = await _restoring(folder)(_item())
        assert (verdict.kind, "--force" in verdict.reason) == ("failed", True)
    assert (tmp_path / "k.jpg").read_bytes() == bytes(_SIZE)
    assert (await _restoring(folder, Rules(replace=True))(_item())).kind == "restored"


async def test_plain_files(folder: Folder, tmp_path: Path) -> None:
    """They are left out, or copied on demand; what is there already stays."""
    plain, other = _item(note=None, name="a/k.jxl"), _item(objects()[0], note=None, name="a/k.jxl")
    assert (await _restoring(folder)(plain)).kind == "left out: they have no manifest"
    copying = _restoring(folder, Rules(plain=True))
    assert (await copying(plain)).kind == "copied: they have no manifest"
    assert (tmp_path / "a" / "k.jxl").read_bytes() == _GOLDEN.rendition
    assert (await copying(plain)).kind == "there already"
    assert (await copying(other)).kind == "failed"
    assert (await _restoring(None, Rules(plain=True))(plain)).kind.startswith("left out")


@pytest.mark.parametrize("name", ["k.jpg", "K.JPEG", "k.png", "k.tif"])
async def test_lost_metadata_is_noticed(folder: Folder, tmp_path: Path, name: str) -> None:
    """A rendition without a manifest is not copied, unless its metadata is surely complete."""
    rules = Rules(plain=True)
    verdict = await _restoring(folder, rules)(_item(note=None, name=name, certain=False))
    assert (verdict.kind, "JPEG XL under the name" in verdict.reason) == ("failed", True)
    assert _left(tmp_path) == []
    assert (await _restoring(folder, rules)(_item(note=None, name=name))).kind.startswith("copied")


async def test_images_wait_for_memory() -> None:
    """Together, images never hold more than the bound; a larger one is alone."""
    held, most = 0, []
    budget = MemoryBudget(10)

    async def hold(amount: int) -> None:
        nonlocal held
        async with budget.reserved(amount):
            held += amount
            most.append(held)
            for _ in range(3):
                await asyncio.sleep(0)
            held -= amount

    async with asyncio.TaskGroup() as group:
        for amount in (4, 4, 4, 25, 1, 6, 10, 3):
            group.create_task(hold(amount))
    assert max(most) == 25
    most.remove(25)
    assert max(most) <= 10
