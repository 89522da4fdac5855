"""Commands of docs/deploy.md do what they say."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.compose import ROOT
from tests.deploy.chart import ENVIRONMENT

_MARK: Final = "  # not run in CI"


def _commands() -> list[str]:
    text = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_commands_that_can_run_do(tmp_path: Path) -> None:
    """One after the other, in a copy of what they use."""
    for name in ("config", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    path = f"{ENVIRONMENT / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    run = [command for command in _commands() if not command.endswith(_MARK)]
    assert len(run) >= 6
    for command in run:
        if command.startswith("promtool") and not shutil.which("promtool"):
            pytest.skip("prometheus is not installed")
        done = subprocess.run(
            ["sh", "-ec", command],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def test_other_commands_need_what_ci_has_not() -> None:
    """What is marked calls Docker, a cluster, or an account."""
    marked = [command for command in _commands() if command.endswith(_MARK)]
    needs = r"docker |kubectl .*(create|apply)|helm (install|test)|npx aws-cdk|pip install"
    assert [command for command in marked if not re.search(needs, command)] == []
