"""Who may not read an object gets it from no cache, whatever the gateway knows of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final, NamedTuple

import pytest

from tests.e2e import images, wire
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.redis import RedisServer, missing
from tests.servers.server import Keys, S3Server

pytestmark = pytest.mark.ceph

_FILE: Final = images.jpeg()
_KEY: Final = "k.jpg"


class _Scene(NamedTuple):
    """Gateways that share Redis, and buckets.

    Attributes:
        warm: Has the object in memory.
        cold: Has not seen it; Redis has it.
        trusting: Has it in memory, and remembers permissions for a minute.
        bucket: Bucket of the owner.
        own: Bucket of somebody else.
    """

    warm: S3Server
    cold: S3Server
    trusting: S3Server
    bucket: str
    own: str


@pytest.fixture(scope="module")
def scene(rgw: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Scene]:
    """Store an image that only its owner may read, and read it."""
    if missing():
        pytest.skip("redis-server is not installed")
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(tmp_path_factory.mktemp("redis")))

        def gateway(**cache: object) -> S3Server:
            settings = configuration(rgw, cache={"redis": {"url": redis.url}, **cache})
            process = GatewayProcess(settings, tmp_path_factory.mktemp("gateway"))
            return rgw.at(stack.enter_context(process).endpoint)

        warm, cold, trusting = gateway(), gateway(), gateway(authorization_ttl_s=60)
        bucket, own = "photos-who", "photos-who-own"
        owner = stack.enter_context(s3_client(warm))
        owner.create_bucket(Bucket=bucket)
        other = stack.enter_context(s3_client(warm, rgw.users[1]))
        other.create_bucket(Bucket=own)
        owner.put_object(Bucket=bucket, Key=_KEY, Body=_FILE)
        path = f"/{bucket}/{_KEY}"
        for server in (warm, trusting):
            for _ in range(2):
                assert wire.ask(server, "GET", path).status == 200
        assert wire.ask(warm, "GET", path).headers["x-slimgate-cache"] == "hit"
        yield _Scene(warm, cold, trusting, bucket, own)


_OPERATIONS: Final[dict[str, tuple[str, str, dict[str, str]]]] = {
    "get": ("GET", "/{bucket}/k.jpg", {}),
    "head": ("HEAD", "/{bucket}/k.jpg", {}),
    "range": ("GET", "/{bucket}/k.jpg", {"Range": "bytes=0-9"}),
    "part": ("GET", "/{bucket}/k.jpg?partNumber=1", {}),
    "unless changed": ("GET", "/{bucket}/k.jpg", {"If-None-Match": "*"}),
    "if changed": ("GET", "/{bucket}/k.jpg", {"If-Match": '"{etag}"'}),
    "unchanged": ("GET", "/{bucket}/k.jpg", {"If-None-Match": '"{etag}"'}),
    "stored": ("GET", "/{bucket}/k.jpg", {"x-slimgate-raw": "stored"}),
    "attributes": ("GET", "/{bucket}/k.jpg?attributes", {"x-amz-object-attributes": "ObjectSize"}),
    "list": ("GET", "/{bucket}?list-type=2", {}),
    "versions": ("GET", "/{bucket}?versions", {}),
    "copy": ("PUT", "/{own}/copy.jpg", {"x-amz-copy-source": "/{bucket}/k.jpg"}),
    "copy of a part": (
        "PUT",
        "/{own}/k?partNumber=1&uploadId={upload}",
        {"x-amz-copy-source": "/{bucket}/k.jpg", "x-amz-copy-source-range": "bytes=0-9"},
    ),
    "overwrite": ("PUT", "/{bucket}/k.jpg", {}),
    "delete": ("DELETE", "/{bucket}/k.jpg", {}),
}


def _sent(
    scene: _Scene, server: S3Server, operation: str, keys: Keys | None, values: dict[str, str]
) -> wire.Answer:
    method, path, headers = _OPERATIONS[operation]
    filled = {name: value.format_map(values) for name, value in headers.items()}
    url = path.format_map(values)
    if keys is None:
        return wire.send(server, method, url, {"Host": server.host, **filled})
    return wire.send(server, method, url, wire.signed(server, method, url, filled, keys=keys))


@pytest.mark.parametrize("cache", ["warm", "cold", "trusting"])
@pytest.mark.parametrize("who", ["other", "anonymous", "wrong secret"])
def test_others_get_nothing(scene: _Scene, rgw: S3Server, who: str, cache: str) -> None:
    """No operation tells them bytes, size, ETag or a match, and none changes what there is."""
    server: S3Server = getattr(scene, cache)
    other = rgw.users[1]
    keys = {"other": other, "anonymous": None, "wrong secret": Keys(rgw.main.access, "wrong")}[who]
    path = f"/{scene.bucket}/{_KEY}"
    with s3_client(scene.warm, other) as client:
        upload = client.create_multipart_upload(Bucket=scene.own, Key="k")["UploadId"]
    etag = wire.ask(scene.warm, "HEAD", path).headers["ETag"].strip('"')
    values = {"bucket": scene.bucket, "own": scene.own, "upload": upload, "etag": etag}
    for operation in _OPERATIONS:
        answer = _sent(scene, server, operation, keys, values)
        assert answer.status == 403, (operation, answer)
        told = answer.body + str(answer.headers.items()).encode()
        assert etag.encode() not in told, operation
        assert not any(name.startswith("x-slimgate") for name in answer.headers), operation
    again = wire.ask(scene.warm, "GET", path)
    assert (again.status, len(again.body)) == (200, len(_FILE))
    assert again.headers["ETag"] == f'"{etag}"'
    assert again.headers["x-slimgate-cache"] == "hit", "a refused write empties the cache"


def test_rights_that_end_end_for_every_cache(scene: _Scene, rgw: S3Server) -> None:
    """Somebody who could read, and whose reading filled the caches, cannot any more."""
    path, other = f"/{scene.bucket}/shared.jpg", rgw.users[1]
    with s3_client(scene.warm) as owner, s3_client(rgw) as direct:
        owner.put_object(Bucket=scene.bucket, Key="shared.jpg", Body=_FILE, ACL="public-read")
        for server in (scene.warm, scene.cold):
            headers = wire.signed(server, "GET", path, keys=other)
            assert wire.send(server, "GET", path, headers).status == 200
        direct.put_object_acl(Bucket=scene.bucket, Key="shared.jpg", ACL="private")
        for server in (scene.warm, scene.cold):
            for method in ("GET", "HEAD"):
                headers = wire.signed(server, method, path, keys=other)
                assert wire.send(server, method, path, headers).status == 403
            assert wire.ask(server, "GET", path).status == 200
