"""Reload policies, the certificate and the credentials file while the gateway serves."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from slimgate import models
from slimgate.config import ConfigError, Policy, Settings, load
from slimgate.gateway.http import tls

_POLL_S: Final = 2.0

_log = structlog.get_logger(__name__)

Policies = tuple[Policy, ...]


class ReloadCallbacks(NamedTuple):
    """Callbacks of a reload.

    Attributes:
        policies: Called with valid new policies.
        certificate: Called when the files hold a usable pair.
        credentials: Called to read the credentials file again.
        began: Called before a reload.
        done: Called after a reload, successful or not.
    """

    policies: Callable[[Policies], None]
    certificate: Callable[[], None]
    credentials: Callable[[], Awaitable[None]]
    began: Callable[[], None] = lambda: None
    done: Callable[[], None] = lambda: None


def read(path: Path, listen: str | None = None) -> Settings:
    """Read the configuration, with overrides from environment and command line.

    Args:
        path: Configuration file.
        listen: Host and port that override file and environment.

    Raises:
        ConfigError: The configuration is invalid.
    """
    environ = dict(os.environ)
    if listen is not None:
        environ["SLIMGATE_LISTEN"] = listen
    return load(path, environ=environ, known_restorers=models.NAMES)


async def watch(
    path: Path, settings: Settings, asked: asyncio.Event, callbacks: ReloadCallbacks
) -> None:
    """Reload everything on request, and any file that changes.

    Args:
        path: Configuration file.
        settings: Settings at startup: the paths of other files do not change.
        asked: Set on SIGHUP.
        callbacks: Callbacks of a reload.
    """
    seen = _stamps(path, settings)
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), _POLL_S)
        now = _stamps(path, settings)
        changed = [asked.is_set() or new != old for new, old in zip(now, seen, strict=True)]
        asked.clear()
        seen = now
        if not any(changed):
            continue
        callbacks.began()
        if changed[0]:
            _reload_policies(path, callbacks)
        if changed[1] and settings.tls.files:
            _reload_certificate(settings.tls.files, callbacks)
        if changed[2] and settings.credentials_file is not None:
            await callbacks.credentials()
        callbacks.done()


def _stamps(path: Path, settings: Settings) -> tuple[object, object, object]:
    file = settings.credentials_file
    credentials = None if file is None else tls.file_stamp(Path(file))
    return tls.file_stamp(path), tls.certificate_stamp(settings.tls), credentials


def _reload_policies(path: Path, callbacks: ReloadCallbacks) -> None:
    try:
        settings = read(path)
    except ConfigError as error:
        _log.error("configuration not reloaded: the old policies stay", problems=str(error))
        return
    callbacks.policies(settings.policies)
    _log.info("policies reloaded", policies=[policy.name for policy in settings.policies])


def _reload_certificate(files: tuple[str, str], callbacks: ReloadCallbacks) -> None:
    try:
        tls.load_context(files)
        callbacks.certificate()
    except tls.BadCertificate as error:
        _log.error("certificate not reloaded: the old one stays", reason=str(error))
        return
    _log.info("certificate reloaded", file=files[0])
