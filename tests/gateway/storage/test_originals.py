import hashlib
from typing import Final

import pytest
from multidict import CIMultiDict

from slimgate.codec.reasons import Refused
from slimgate.config import Originals
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage import originals
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.originals import Archive
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
    await Archive().keep(client, _KEEP, _UPLOAD, _MANIFEST, IMAGE)
    assert await Archive().fetch(client, _KEEP, _UPLOAD.target, _MANIFEST) == IMAGE


async def test_a_copy_is_written_once() -> None:
    """Archive classes charge for every copy."""
    store = await _store(IMAGE)
    await Archive().keep(store.client(), _KEEP, _UPLOAD, _MANIFEST, IMAGE)
    assert [request.method for request in store.requests] == ["HEAD"]


async def test_what_cannot_be_kept_is_refused() -> None:
    """The upload stays as it is if its copy is not stored."""
    store = MemoryStore()
    with pytest.raises(Refused, match="404"):
        await Archive().keep(store.client(), _KEEP, _UPLOAD, _MANIFEST, IMAGE)


async def test_clients_need_no_rights_in_the_archive() -> None:
    """The access key of the policy writes and reads originals, and takes no headers along."""
    store = await _store()
    stranger = store.client("stranger", {"x-amz-expected-bucket-owner": "nobody"})
    with pytest.raises(Refused, match=r"403|412"):
        await Archive().keep(stranger, _KEEP, _UPLOAD, _MANIFEST, IMAGE)
    named = _KEEP.model_copy(update={"access_key": "KEEPER"})
    archive = Archive({"KEEPER": Identity("main", "secret")}.get)
    for client in (stranger, store.client(None)):
        await archive.keep(client, named, _UPLOAD, _MANIFEST, IMAGE)
        assert await archive.fetch(client, named, _UPLOAD.target, _MANIFEST) == IMAGE


async def test_an_unknown_key_keeps_nothing() -> None:
    """A key of a reloaded policy that needs a restart leaves uploads as they are."""
    client = (await _store(IMAGE)).client()
    named = _KEEP.model_copy(update={"access_key": "NEW"})
    with pytest.raises(Refused, match="restart"):
        await Archive().keep(client, named, _UPLOAD, _MANIFEST, IMAGE)
    with pytest.raises(originals.NoOriginal, match="restart"):
        await Archive().fetch(client, named, _UPLOAD.target, _MANIFEST)
