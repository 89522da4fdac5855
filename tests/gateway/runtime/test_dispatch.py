"""What is left of a request once it is answered."""

import gc
from collections.abc import Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from slimgate.gateway.runtime.app import create_app
from slimgate.gateway.runtime.dispatch import counted
from slimgate.gateway.s3.errors import S3Error
from tests.config.builders import settings
from tests.gateway.handlers.calls import Recorder


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Collect nothing for the duration of a test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def _unused(_: web.Request) -> web.StreamResponse:
    raise AssertionError


@pytest.mark.usefixtures("uncollected")
async def test_an_error_is_freed_at_once() -> None:
    """A refused request waits for no collection: its frames may hold a large body."""
    app = create_app(settings())
    app.freeze()
    earlier = _errors()
    request = make_mocked_request("GET", "/bucket/%ZZ", app=app, writer=Recorder())
    response = await counted(request, _unused)
    assert response.status == 400
    assert [each.code for each in _errors() if all(each is not other for other in earlier)] == []


def _errors() -> list[S3Error]:
    return [each for each in gc.get_objects() if isinstance(each, S3Error)]
