"""Open the resources of a job from its command line and the configuration."""

import argparse
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from slimgate import models
from slimgate.config import Policies, Settings, config_path, load
from slimgate.gateway.jobs.address import SCHEME
from slimgate.gateway.s3.identity import CredentialSource
from slimgate.gateway.storage.credentials.callers import Callers
from slimgate.gateway.storage.index.buffered import BufferedIndex
from slimgate.gateway.storage.index.opening import configured_index
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.object_client import Caller, ObjectClient, UpstreamClient
from slimgate.gateway.storage.originals import Archive
from slimgate.gateway.storage.upstream import Upstream
from slimgate.gateway.workers.pool import Workers

_MAX_QUEUE: Final = 10_000
_MAX_QUEUE_WAIT_S: Final = 3600.0
_WITHOUT_STORE: Final = {
    "upstream": {"endpoint": "http://localhost"},
    "credentials": [{"access_key": "none", "secret_key": "none"}],
    "index": {"kind": "memory"},
    "policies": [{"name": "default", "bucket": "*", "mode": "optimize"}],
}
"""Settings for work that asks no store."""


class UsageError(Exception):
    """The command line does not match the configuration; the message says how."""


class Tools(NamedTuple):
    """Resources of a job.

    Attributes:
        policies: Policies of the configuration.
        client: Client of the store, with the credentials of the job.
        seals: Read and write manifests.
        workers: Worker processes.
        jobs: Their number.
        listing_index: Receives what was seen and written, for listings; None: nothing is noted.
        archive: Keeps originals.
    """

    policies: Policies
    client: ObjectClient
    seals: Seals
    workers: Workers
    jobs: int
    listing_index: BufferedIndex | None = None
    archive: Archive = Archive()


@asynccontextmanager
async def open_tools(options: argparse.Namespace, *, jobs: int | None) -> AsyncIterator[Tools]:
    """Open the resources of a job for the duration of the block.

    Args:
        options: Command line, with ``config`` and ``access_key``.
        jobs: Worker processes; None: as configured.

    Raises:
        ConfigError: The configuration is invalid.
        UsageError: The access key is not configured.
    """
    async with tools(read_settings(options), options.access_key, jobs=jobs) as opened:
        yield opened


@asynccontextmanager
async def tools(
    settings: Settings, access_key: str | None, *, jobs: int | None
) -> AsyncIterator[Tools]:
    """Open the resources of a job for the duration of the block.

    Args:
        settings: Configuration.
        access_key: Access key of the credentials to use; None: the first.
        jobs: Worker processes; None: as configured.

    Raises:
        ConfigError: The credentials file is invalid.
        UsageError: The access key is not configured.
    """
    policies = Policies(settings.policies)
    callers = Callers(settings, policies)
    source = _source(callers, settings, access_key)
    jobs = jobs or settings.engine.worker_count
    # No client waits for a job: what waits longer than a client would is no failure.
    patient = {"workers": jobs, "max_queue": _MAX_QUEUE, "max_queue_wait_s": _MAX_QUEUE_WAIT_S}
    engine = settings.engine.model_copy(update=patient)
    async with (
        callers,
        Upstream(settings.upstream) as upstream,
        Workers(engine) as workers,
        open_index(settings) as index,
    ):
        client = UpstreamClient(upstream, Caller(source))
        seals, archive = Seals(settings.manifests), Archive(callers.own)
        yield Tools(policies, client, seals, workers, jobs, index, archive)


@asynccontextmanager
async def open_index(settings: Settings) -> AsyncIterator[BufferedIndex]:
    """Open the index of listings for the duration of the block."""
    index = BufferedIndex(configured_index(settings), Policies(settings.policies).names)
    try:
        await index.open()
        yield index
    finally:
        await index.close()


@asynccontextmanager
async def open_client(
    options: argparse.Namespace,
) -> AsyncIterator[tuple[Policies, ObjectClient]]:
    """Open the store alone for the duration of the block; yield policies and client.

    Args:
        options: Command line, with ``config`` and ``access_key``.

    Raises:
        ConfigError: The configuration is invalid.
        UsageError: The access key is not configured.
    """
    settings = read_settings(options)
    async with open_store(settings, options.access_key) as client:
        yield Policies(settings.policies), client


@asynccontextmanager
async def open_store(settings: Settings, access_key: str | None) -> AsyncIterator[ObjectClient]:
    """Open the store alone for the duration of the block.

    Args:
        settings: Configuration.
        access_key: Access key of the credentials to use; None: the first.

    Raises:
        ConfigError: The credentials file is invalid.
        UsageError: The access key is not configured.
    """
    callers = Callers(settings, Policies(settings.policies))
    source = _source(callers, settings, access_key)
    async with callers, Upstream(settings.upstream) as upstream:
        yield UpstreamClient(upstream, Caller(source))


def read_settings(options: argparse.Namespace) -> Settings:
    """Load the configuration.

    Args:
        options: Command line, with ``config``.

    Raises:
        ConfigError: It is invalid.
    """
    return load(options.config, environ=os.environ, known_restorers=models.NAMES)


def settings_for_image(options: argparse.Namespace) -> Settings:
    """Load the configuration; for a file, without one, return a policy with all defaults.

    Args:
        options: Command line, with ``config`` and ``image``.

    Raises:
        ConfigError: It is invalid.
    """
    is_object = options.image.startswith(SCHEME)
    if is_object or options.config != config_path({}) or options.config.exists():
        return read_settings(options)
    sys.stderr.write(f"no {options.config} here: a policy with all defaults\n")
    return Settings.model_validate(_WITHOUT_STORE)


def _source(callers: Callers, settings: Settings, access_key: str | None) -> CredentialSource:
    """Return the credentials of a job."""
    if access_key is None and settings.credentials:
        access_key = settings.credentials[0].access_key
    source = None if access_key is None else callers.caller(access_key)
    if source is None:
        named = "" if access_key is None else f" with the access key {access_key}"
        raise UsageError(f"the configuration has no credentials{named}: name a key by --access-key")
    return source
