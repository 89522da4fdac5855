"""Whether an object is managed: known for certain, or nothing is done."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from slimgate.config import Settings
from slimgate.gateway.runtime.app import create_app

_KEYS = {"access_key": "main", "secret_key": "secret"}


def _signed(url: str, headers: dict[str, str]) -> dict[str, str]:
    request = AWSRequest("PUT", url, headers)
    S3SigV4Auth(Credentials("main", "secret"), "s3", "us-east-1").add_auth(request)
    return dict(request.headers.items())


@pytest.mark.parametrize(
    ("status", "answered"), [(500, 503), (503, 503), (429, 503), (404, 200), (200, 200)]
)
async def test_copies_are_made_only_of_what_is_known(status: int, answered: int) -> None:
    """When the store does not say what the source is, nothing is copied."""
    written: list[str] = []

    async def upstream(request: web.Request) -> web.Response:
        if request.method == "HEAD":
            return web.Response(status=status)
        written.append(request.path)
        return web.Response(body=b"<CopyObjectResult/>", content_type="application/xml")

    store = web.Application()
    store.router.add_route("*", "/{anything:.*}", upstream)
    async with TestServer(store) as behind:
        settings = Settings.model_validate(
            {
                "upstream": {"endpoint": f"http://{behind.host}:{behind.port}"},
                "credentials": [_KEYS],
                "index": {"kind": "memory"},
                "engine": {"workers": 1},
            }
        )
        client: TestClient[Any, Any]
        async with TestClient(TestServer(create_app(settings))) as client:
            headers = {"x-amz-copy-source": "bucket/a", "x-amz-metadata-directive": "REPLACE"}
            url = str(client.make_url("/bucket/c"))
            got = await client.put("/bucket/c", headers=_signed(url, headers), data=b"")
            assert got.status == answered
    assert written == (["/bucket/c"] if answered == 200 else [])
