import hashlib
from typing import Final

import pytest
from multidict import CIMultiDict

from codec.reasons import Refused
from config import Originals
from gateway.s3.routing import Target, key_target
from gateway.storage import originals
from gateway.storage.messages import Request
from tests.gateway.instant_workers import IMAGE, manifest
from tests.memory_store.store import MemoryStore

_MD5: Final = hashlib.md5(IMAGE, usedforsecurity=False).hexdigest()
_KEEP: Final = Originals(keep="archive")
_UPLOAD: Final = Request("PUT", key_target("photos", "a"), headers=CIMultiDict())
_MANIFEST: Final = manifest(len(IMAGE), _MD5)


async def _store(planted: bytes | None = None) -> MemoryStore:
    store = MemoryStore()
    client = store.client()
    async with client.send(Request("PUT", Target("archive", "", ""))):
        pass
    if planted is not None:
        target = originals.target_of(_KEEP, _UPLOAD.target, _MD5)
        async with client.send(Request("PUT", target, "", CIMultiDict(), planted, len(planted))):
            pass
    store.requests.clear()
    return store


@pytest.mark.parametrize("planted", [None, IMAGE[:-1] + b"x", b""])
async def test_only_the_upload_itself_counts_as_kept(planted: bytes | None) -> None:
    """Another file under the key of the copy, even of the same size, is replaced."""
    store = await _store(planted)
    client = store.client()
    await originals.keep(client, _KEEP, _UPLOAD, _MANIFEST, IMAGE)
    assert await originals.fetch(client, _KEEP, _UPLOAD.target, _MANIFEST) == IMAGE


async def test_a_copy_is_written_once() -> None:
    """Archive classes charge for every copy."""
    store = await _store(IMAGE)
    await originals.keep(store.client(), _KEEP, _UPLOAD, _MANIFEST, IMAGE)
    assert [request.method for request in store.requests] == ["HEAD"]


async def test_what_cannot_be_kept_is_refused() -> None:
    """The upload stays as it is if its copy is not stored."""
    store = MemoryStore()
    with pytest.raises(Refused, match="404"):
        await originals.keep(store.client(), _KEEP, _UPLOAD, _MANIFEST, IMAGE)
