"""The command-line tools as processes of their own."""

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from unittest import mock

import yaml

from slimgate.gateway.jobs import report, resources
from slimgate.gateway.jobs.address import object_place
from slimgate.gateway.jobs.arguments import parser
from slimgate.gateway.jobs.opened_job import open_job
from slimgate.gateway.jobs.plan.command import plan
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.messages import Request
from tests.servers.gateway import environment

JOBS: Final = "slimgate-jobs"
"""Bucket of jobs."""


class Tool:
    """Run ``slimgate TOOL`` with one configuration.

    Args:
        config: The configuration.
        directory: Where it is written, and where the tools run.
    """

    def __init__(self, config: Mapping[str, Any], directory: Path) -> None:
        self.directory = directory
        self.file = directory / "tool.yaml"
        self.file.write_text(yaml.safe_dump(dict(config)))

    def command(self, name: str, *words: str) -> list[str]:
        """Say how it is started."""
        return [sys.executable, "-m", "slimgate", name, *words, "--config", str(self.file)]

    def start(self, name: str, *words: str) -> "subprocess.Popen[bytes]":
        """Start one."""
        return subprocess.Popen(
            self.command(name, *words),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )

    def run(self, name: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run one to its end."""
        return subprocess.run(
            self.command(name, *words),
            capture_output=True,
            text=True,
            timeout=120,
            env=environment(),
            check=False,
        )

    def plan(self, place: str, *words: str) -> str:
        """Plan a job on a bucket, in this process, which takes less time; return its place."""
        job = f"s3://{JOBS}/{uuid.uuid4().hex[:8]}"
        with mock.patch.dict(os.environ, environment(), clear=True):
            asyncio.run(self._plan(["job", "plan", place, "--to", job, *words]))
        return job

    def on_bucket(
        self, action: str, place: str, *words: str
    ) -> "tuple[subprocess.CompletedProcess[str], dict[str, str]]":
        """Plan a job and run it; return what it said, and the verdict on each object."""
        job = self.plan(place, *([] if action == "optimize" else ["--all-keys"]))
        done = self.run("job", "run", job, "--do", action, *words)
        folder = f"{action}-dry-run" if "--dry-run" in words else action
        return done, self.verdicts(job, folder)

    def verdicts(self, job: str, folder: str) -> dict[str, str]:
        """Return what became of each object; the last word counts."""
        with mock.patch.dict(os.environ, environment(), clear=True):
            return asyncio.run(self._verdicts(job, folder))

    async def _plan(self, words: list[str]) -> None:
        options = parser().parse_args([*words, "--config", str(self.file)])
        async with (
            resources.open_client(options) as (_, client),
            client.send(Request("PUT", Target(JOBS, "", ""))) as response,
        ):
            assert response.status in {200, 409}, response.status
        await plan(options)

    async def _verdicts(self, job: str, folder: str) -> dict[str, str]:
        options = parser().parse_args(["job", "status", job, "--config", str(self.file)])
        async with resources.open_client(options) as (_, client):
            parts = await (await open_job(client, object_place(job))).rounds(folder)
            lines = [json.loads(line) async for line in report.objects(parts)]
        return {line["key"]: line["verdict"] for line in lines}
