"""Writes and removals on condition that the object is still the one that the client knows."""

from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from tests.e2e import images, wire
from tests.servers.clients import failure
from tests.servers.server import S3Server

_FILE: Final = images.jpeg()
_ALL: Final = ("served", "md5", "stored", "other")


@pytest.fixture
def etags(s3: Any, direct: Any, photos: str) -> dict[str, str]:
    """Store an image; return what it is called, without quotes."""
    put = s3.put_object(Bucket=photos, Key="k", Body=_FILE)["ETag"]
    served, stored = (client.head_object(Bucket=photos, Key="k")["ETag"] for client in (s3, direct))
    names = {"served": served, "md5": put, "stored": stored, "other": '"other"'}
    return {name: etag.strip('"') for name, etag in names.items()}


@pytest.mark.parametrize("form", ['"{}"', "{}", '"x", "{}"'])
@pytest.mark.parametrize(
    ("name", "status"), [("served", 200), ("md5", 200), ("stored", 412), ("other", 412)]
)
def test_a_put_on_condition(
    gateway: S3Server, photos: str, etags: dict[str, str], form: str, name: str, status: int
) -> None:
    """If-Match of a PUT knows the object by the served ETag and by the MD5 of the upload."""
    condition = {"If-Match": form.format(etags[name])}
    answer = wire.ask(gateway, "PUT", f"/{photos}/k", condition, b"new")
    assert answer.status == status
    now = wire.ask(gateway, "GET", f"/{photos}/k").body
    assert (now == b"new") is (status == 200)


@pytest.mark.parametrize(("name", "status"), [("served", 412), ("md5", 412), ("*", 412)])
def test_a_put_unless_there(
    gateway: S3Server, photos: str, etags: dict[str, str], name: str, status: int
) -> None:
    """If-None-Match keeps a PUT from an object that it names."""
    condition = {"If-None-Match": f'W/"{etags[name]}"' if name in etags else name}
    assert wire.ask(gateway, "PUT", f"/{photos}/k", condition, b"new").status == status


@pytest.mark.parametrize("name", _ALL)
def test_a_removal_on_condition(s3: Any, photos: str, etags: dict[str, str], name: str) -> None:
    """If-Match of a DELETE is about the object that clients see."""
    if name in {"served", "md5"}:
        s3.delete_object(Bucket=photos, Key="k", IfMatch=etags[name])
        assert "Contents" not in s3.list_objects_v2(Bucket=photos)
        return
    with pytest.raises(ClientError) as refused:
        s3.delete_object(Bucket=photos, Key="k", IfMatch=etags[name])
    assert failure(refused.value) == (412, "PreconditionFailed")
    assert s3.head_object(Bucket=photos, Key="k")["ContentLength"] == len(_FILE)
