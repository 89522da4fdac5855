"""Tests that engines which differ are refused, and that wrong bytes are never a result."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from aiohttp import web

from slimgate.models.engine.network import BadResult, Busy
from slimgate.models.engine.wire import Broken
from slimgate.models.serving import protocol, remote_engine
from tests.models.serving.engines import (
    CHECK,
    HASH,
    SMALL,
    Impostor,
    engine,
    engines_of,
    enlarged,
    remote,
)

_INFO = Impostor().info


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (replace(_INFO, checks={**_INFO.checks, HASH: "0" * 64}), "native-x2 computes other bits"),
        (replace(_INFO, checks={}), "does not have native-x2"),
        (replace(_INFO, protocol=2), "speaks version 2 of the protocol, not 1"),
    ],
    ids=["other bits", "no network", "other protocol"],
)
async def test_an_engine_that_differs_is_never_used(info: protocol.Info, reason: str) -> None:
    """It is refused when it is first asked what it has, and gets no image."""
    other = Impostor(info=info)
    async with other.served() as url, engine() as good, remote(url, good.url) as images:
        await asyncio.gather(*(enlarged(images) for _ in range(10)))
        refused = next(each for each in engines_of(images) if each.address == url)
    assert (other.asked, refused.state) == (0, "refused")
    assert reason in refused.reason


@pytest.mark.parametrize("data", [b"<html>", b"[" * 50_000, b"[]", b'"x"', b"{}"])
def test_what_is_no_description_is_refused(data: bytes) -> None:
    """Whatever answers at an address, it is asked again, and never used."""
    with pytest.raises(Broken, match="no engine answers there"):
        protocol.Info.loads(data)


async def test_an_engine_with_another_token_is_refused() -> None:
    """A wrong token is said to be wrong, and nothing is sent with it."""
    async with engine(token="another") as one, remote(one.url) as images:
        (told,) = engines_of(images)
        assert (told.state, told.reason) == (
            "refused", "the engine refuses the token: see engine.remote.token",
        )  # fmt: skip
        with pytest.raises(Busy):
            await enlarged(images)


def _forged(change: Callable[[bytearray, dict[str, str]], None]) -> Impostor:
    """Return an engine whose every response is changed on its way."""

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        result = bytearray(4 * SMALL.size)
        before = protocol.checksum(body)
        headers = {
            protocol.CHECK: CHECK,
            protocol.CHECKSUM: protocol.checksum(result, before=before),
        }
        change(result, headers)
        return web.Response(body=bytes(result), headers=headers)

    return Impostor(answer)


def _flip(result: bytearray, _: dict[str, str]) -> None:
    result[100] ^= 1


def _shorten(result: bytearray, _: dict[str, str]) -> None:
    del result[-3:]


def _of_another_request(result: bytearray, headers: dict[str, str]) -> None:
    headers[protocol.CHECKSUM] = protocol.checksum(result)


def _of_another_network(_: bytearray, headers: dict[str, str]) -> None:
    headers[protocol.CHECK] = "0" * 64


def _unsigned(_: bytearray, headers: dict[str, str]) -> None:
    headers.clear()


@pytest.mark.parametrize(
    "change", [_flip, _shorten, _of_another_request, _of_another_network, _unsigned]
)
async def test_wrong_bytes_are_never_a_result(
    change: Callable[[bytearray, dict[str, str]], None],
) -> None:
    """A response that does not fit its request is repeated elsewhere, or is an error."""
    forger = _forged(change)
    async with forger.served() as url, engine() as good:
        async with remote(url) as alone:
            with pytest.raises(BadResult):
                await enlarged(alone)
        expected = await asyncio.to_thread(good.restorer.upscale, SMALL, 2, level=40)
        async with remote(url, good.url) as both:
            for _ in range(5):
                np.testing.assert_array_equal(expected, await enlarged(both))
    assert alone.status.attempts == {"wrong": 1}


async def test_an_engine_that_works_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results count as signs of life, where probes wait behind images in a proxy."""
    monkeypatch.setattr(remote_engine, "_PROBE_TIMEOUT_S", 0.1)
    monkeypatch.setattr(remote_engine, "PROBE_S", 0.01)
    working = _forged(lambda *_: None)
    async with working.served() as url, remote(url) as images:
        working.silent, before = True, working.probed
        while working.probed < before + 6:
            await enlarged(images)
        assert [each.state for each in engines_of(images)] == ["ready"]
        assert images.status.attempts.keys() == {"done"}
