"""What a tool works with, made from its command line and the configuration."""

import argparse
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import models
from config import Policies, Settings, load
from gateway.jobs.store import Store
from gateway.s3.identity import Identity
from gateway.storage.manifest_seals import Seals
from gateway.storage.upstream import Upstream
from gateway.workers.pool import Workers


class Misused(Exception):
    """The command line does not fit the configuration; the message says how."""


class Tools(NamedTuple):
    """What a tool works with.

    Attributes:
        policies: Those of the configuration.
        store: The upstream, for whoever runs the tool.
        workers: As many processes as objects are worked on at a time.
        jobs: That number.
    """

    policies: Policies
    store: Store
    workers: Workers
    jobs: int


@asynccontextmanager
async def tools(options: argparse.Namespace, *, jobs: int | None) -> AsyncIterator[Tools]:
    """Open everything for a while.

    Args:
        options: With ``config`` and ``access_key``.
        jobs: How many objects are worked on at a time; None: as the configuration says.

    Raises:
        ConfigError: The configuration is not valid.
        Misused: It has no such key.
    """
    settings = load(options.config, environ=os.environ, known_restorers=models.NAMES)
    identity = _identity(settings, options.access_key)
    jobs = jobs or settings.engine.worker_count
    engine = settings.engine.model_copy(update={"workers": jobs})
    async with Upstream(settings.upstream) as upstream, Workers(engine) as workers:
        store = Store(upstream, identity, Seals(settings.manifests))
        yield Tools(Policies(settings.policies), store, workers, jobs)


def _identity(settings: Settings, access_key: str | None) -> Identity:
    for pair in settings.credentials:
        if access_key in {None, pair.access_key}:
            key, secret = pair.upstream
            return Identity(key, secret.get_secret_value())
    raise Misused(f"the configuration has no credentials with the access key {access_key}")
