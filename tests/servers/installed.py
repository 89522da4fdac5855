"""The wheel, installed into an environment of its own, in a hostile neighbourhood."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Final

from tests.documents import ROOT
from tests.servers.gateway import environment

FOREIGN: Final = ("codec", "config", "eval", "gateway", "models")
"""Names that other packages, and modules of the working directory, have."""

_STANDARD: Final = ("random", "signal", "socket", "tempfile", "typing")
"""Modules of Python that the working directory shadows."""

_SOURCES: Final = ("slimgate", *FOREIGN, "pyproject.toml", "README.md", "LICENSE")

_WATCH: Final = """
import os, sys

def watch(event, details):
    if event == "import" and details[0].partition(".")[0] in {names!r}:
        log = os.open({log!r}, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        os.write(log, (details[0] + "\\n").encode())
        os.close(log)

sys.addaudithook(watch)
"""


class Installed:
    """A virtual environment that has the wheel, the packages of the tests, and foreign ones.

    Args:
        folder: Where everything goes.
    """

    def __init__(self, folder: Path) -> None:
        self._log = folder / "imported"
        self.wheel = _built(folder)
        self.python = folder / "venv" / "bin" / "python"
        self.program = self.python.with_name("slimgate")
        self.working_directory = _hostile(folder / "work")
        venv.create(folder / "venv", with_pip=False)
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "--no-input"]
        _run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(self.wheel)])
        self._add_neighbours()

    @property
    def imported(self) -> list[str]:
        """Return the foreign modules that any process of the environment has imported."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run ``slimgate`` in the hostile folder."""
        return subprocess.run(
            [self.program, *words],
            cwd=self.working_directory,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def run_python(self, program: str) -> None:
        """Run a line of Python in the environment."""
        subprocess.run([self.python, "-P", "-c", program], check=True)

    def _add_neighbours(self) -> None:
        """Add the packages of the tests, foreign ones, and what records their import."""
        (packages,) = (self.python.parents[1] / "lib").glob("python*/site-packages")
        for name in FOREIGN:
            (packages / name).mkdir()
            (packages / name / "__init__.py").write_text("OTHER = True\n")
        watch = _WATCH.format(names=FOREIGN, log=str(self._log))
        (packages / "watch_imports.py").write_text(watch)
        tests = sysconfig.get_path("purelib")
        (packages / "neighbours.pth").write_text(f"import watch_imports\n{tests}\n")


def _built(folder: Path) -> Path:
    """Build the wheel of a copy of the project, since building leaves files behind."""
    source = folder / "source"
    source.mkdir()
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in _SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, source)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    _run([*wheel, "--wheel-dir", str(folder), str(source)])
    (built,) = folder.glob("*.whl")
    return built


def _hostile(folder: Path) -> Path:
    """Make a folder whose modules end whatever imports them."""
    folder.mkdir()
    for name in (*FOREIGN, *_STANDARD):
        (folder / f"{name}.py").write_text("raise SystemExit(f'{__file__} was imported')\n")
    return folder


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, env={**os.environ, "PIP_NO_CACHE_DIR": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
