"""Run networks for gateways on other machines, until SIGTERM: ``slimgate engine serve``."""

import asyncio
import os
import signal
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from slimgate.config import Engine
from slimgate.config.files import read_text
from slimgate.config.network import is_loopback
from slimgate.models.engine.images import LocalImages
from slimgate.models.engine.loading import Restorers
from slimgate.models.engine.network import EngineError
from slimgate.models.registry import catalog
from slimgate.models.serving import server
from slimgate.models.serving.admission import Admission
from slimgate.models.serving.api import EngineApi

TOKEN_FILE: Final = "SLIMGATE_ENGINE_TOKEN_FILE"  # noqa: S105  # the name of a variable
BYTES_PER_PIXEL: Final = 3

_log = structlog.get_logger(__name__)


class CannotServe(Exception):
    """The engine cannot start; the message says why."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve.

    Attributes:
        host: address to listen on.
        port: port; 0: any free one.
        engine: engine and its limits.
        restorers: names of restorers, or of families, to load at the start.
        max_queue: maximum images in flight.
        timeout_s: timeout of one image, seconds.
        drain_s: time for images in flight after SIGTERM, seconds.
        token_file: file with the token of requests; None: that of the environment.
        certificate: PEM files of certificate chain and key, for https.
    """

    host: str
    port: int
    engine: Engine
    restorers: tuple[str, ...]
    max_queue: int
    timeout_s: float
    drain_s: float
    token_file: Path | None = None
    certificate: tuple[Path, Path] | None = None


def token_of(options: ServeOptions, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the token of requests; None: none is wanted, on loopback.

    Raises:
        ValueError: there is none, and other machines could send requests; or it is no token.
        ConfigError: its file cannot be read.
    """
    file = options.token_file or environ.get(TOKEN_FILE)
    if file is None:
        if is_loopback(options.host):
            return None
        raise ValueError(f"name a file with a token, by --token-file or {TOKEN_FILE}")
    token = read_text(Path(file)).strip()
    if not token or not token.isprintable() or not token.isascii():
        raise ValueError(f"{file} must contain a token: one line of printable ASCII text")
    return token


async def serve(options: ServeOptions, token: str | None) -> None:
    """Serve until SIGTERM or SIGINT, then finish the images in flight.

    Args:
        options: how to serve.
        token: token of requests; None: none is wanted.

    Raises:
        CannotServe: a network cannot run here, or the address or certificate cannot be used.
    """
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    restorers = Restorers(options.engine, timeout_s=options.timeout_s)
    try:
        api = await started(restorers, options, token)
        app = server.application(api, lambda: restorers.counters)
        context = server.context(options.certificate)
        async with server.listening(app, options.host, options.port, context) as port:
            _log.info("engine listening", host=options.host, port=port)
            checking = asyncio.create_task(server.repeat_checks(api))
            await ended.wait()
            _log.info("engine draining", timeout_s=options.drain_s)
            await server.drain(api, options.drain_s)
            checking.cancel()
            await asyncio.gather(checking, return_exceptions=True)
    except (EngineError, LookupError, OSError) as error:
        raise CannotServe(str(error)) from error
    finally:
        restorers.close()


async def started(restorers: Restorers, options: ServeOptions, token: str | None) -> EngineApi:
    """Load networks, check them, and return what answers requests.

    Raises:
        LookupError: a restorer is unknown.
        EngineError: a network cannot run here.
    """
    hashes = networks(options.restorers)
    for content_hash in sorted(hashes):
        await asyncio.to_thread(restorers, content_hash)
    max_bytes = options.engine.max_pixels_in_flight * BYTES_PER_PIXEL
    api = EngineApi(
        LocalImages(restorers),
        hashes,
        Admission(options.max_queue, max_bytes),
        token=token,
        timeout_s=options.timeout_s,
    )
    await api.check()
    return api


def networks(names: Collection[str]) -> set[str]:
    """Return the hashes of the networks behind names of restorers or families.

    Raises:
        LookupError: a name is unknown.
    """
    return catalog.networks(each for name in names for each in catalog.chosen(name).values())
