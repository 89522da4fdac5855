"""The command-line tools as processes of their own."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.servers.gateway import environment


class Tool:
    """Run ``python -m gateway TOOL`` with one configuration.

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
        return [sys.executable, "-m", "gateway", name, *words, "--config", str(self.file)]

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


def verdicts(log: Path) -> dict[str, str]:
    """Return what became of each object by its log; the last word counts."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return {line["key"]: line["verdict"] for line in lines if line["event"] == "object"}
