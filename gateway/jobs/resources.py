"""Open the resources of a job from its command line and the configuration."""

import argparse
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import models
from config import Policies, Settings, load
from gateway.s3.identity import Identity
from gateway.storage.manifest_seals import Seals
from gateway.storage.object_client import Caller, ObjectClient, UpstreamClient
from gateway.storage.upstream import Upstream
from gateway.workers.pool import Workers


class UsageError(Exception):
    """The command line does not match the configuration; the message says how."""


class Tools(NamedTuple):
    """Resources of a job.

    Attributes:
        policies: Policies of the configuration.
        client: Client of the store, with the key pair of the job.
        seals: Read and write manifests.
        workers: One process per concurrent object.
        jobs: Concurrent objects.
    """

    policies: Policies
    client: ObjectClient
    seals: Seals
    workers: Workers
    jobs: int


@asynccontextmanager
async def open_tools(options: argparse.Namespace, *, jobs: int | None) -> AsyncIterator[Tools]:
    """Open the resources of a job for the duration of the block.

    Args:
        options: Command line, with ``config`` and ``access_key``.
        jobs: Concurrent objects; None: as configured.

    Raises:
        ConfigError: The configuration is invalid.
        UsageError: The access key is not configured.
    """
    settings = _settings(options)
    identity = _identity(settings, options.access_key)
    jobs = jobs or settings.engine.worker_count
    engine = settings.engine.model_copy(update={"workers": jobs})
    async with Upstream(settings.upstream) as upstream, Workers(engine) as workers:
        client = UpstreamClient(upstream, Caller(identity))
        seals = Seals(settings.manifests)
        yield Tools(Policies(settings.policies), client, seals, workers, jobs)


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
    settings = _settings(options)
    identity = _identity(settings, options.access_key)
    async with Upstream(settings.upstream) as upstream:
        yield Policies(settings.policies), UpstreamClient(upstream, Caller(identity))


def _settings(options: argparse.Namespace) -> Settings:
    return load(options.config, environ=os.environ, known_restorers=models.NAMES)


def _identity(settings: Settings, access_key: str | None) -> Identity:
    for pair in settings.credentials:
        if access_key in {None, pair.access_key}:
            key, secret = pair.upstream
            return Identity(key, secret.get_secret_value())
    raise UsageError(f"the configuration has no credentials with the access key {access_key}")
