"""What docker-compose.yml says, read as Compose reads it."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "config" / "compose"
ALERTS: Final = ROOT / "config" / "prometheus" / "alerts.yml"
TRIAL: Final = "docker-compose.yml"
PRODUCTION: Final = "docker-compose.production.yml"
SECRETS: Final = "/run/secrets/"

Service = dict[str, Any]

_DEFAULT: Final = re.compile(r"\$\{(\w+):-([^}]*)\}")
_UNITS: Final = {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30}
_SECONDS: Final = {"s": 1, "m": 60}


def dockerfile() -> Iterator[tuple[str, str]]:
    """Yield instructions of the Dockerfile and their arguments, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            instruction, _, rest = line.strip().partition(" ")
            yield instruction, rest


def image_environment() -> dict[str, str]:
    """Return the variables that the image of the gateway sets, those of its build left out."""
    final = list(dockerfile())
    begin = max(
        at for at, (name, rest) in enumerate(final) if (name, "AS base") == (name, rest[-7:])
    )
    joined = " ".join(rest for name, rest in final[begin:] if name == "ENV")
    return dict(re.findall(r"(\w+)=(\S+)", joined))


@cache
def project(file: str = TRIAL) -> dict[str, Any]:
    """Return a file, with what its variables are when nobody sets them."""
    text = (ROOT / file).read_text("utf-8")
    whole: dict[str, Any] = yaml.safe_load(_DEFAULT.sub(r"\2", text))
    for name, service in whole["services"].items():
        if (base := service.pop("extends", None)) is not None:
            whole["services"][name] = {**services(base["file"])[base["service"]], **service}
    return whole


def services(file: str = TRIAL) -> dict[str, Service]:
    """Return all services of a file by name, those of profiles included."""
    found: dict[str, Service] = project(file)["services"]
    return found


def size(text: str) -> int:
    """Return the bytes of ``512m``."""
    return int(text[:-1]) * _UNITS[text[-1].lower()]


def duration_s(text: str) -> int:
    """Return the seconds of ``90s``."""
    return int(text[:-1]) * _SECONDS[text[-1]]


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume, a file of the project, a secret, or memory, where a service has it.

    Attributes:
        kind: ``bind``, ``volume``, ``secret`` or ``tmpfs``.
        source: File or name; what a tmpfs is limited by.
        target: Path in the container.
    """

    kind: str
    source: str
    target: str


def mounts(service: Service) -> list[Mount]:
    """List everything that is mounted into a service."""
    found = []
    for volume in service.get("volumes", []):
        source, target = volume.split(":")[:2]
        found.append(Mount("bind" if source.startswith(".") else "volume", source, target))
    for tmpfs in service.get("tmpfs", []):
        target, _, options = tmpfs.partition(":")
        found.append(Mount("tmpfs", options, target))
    found += [Mount("secret", name, SECRETS + name) for name in service.get("secrets", [])]
    return found


@dataclass(frozen=True, slots=True)
class Secrets:
    """The files that config/compose/secrets.sh makes.

    Attributes:
        folder: Where they are.
    """

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "Secrets":
        """Make them."""
        subprocess.run([FOLDER / "secrets.sh", folder], check=True, capture_output=True)
        return cls(folder)

    def file(self, name: str, project_file: str = TRIAL) -> Path:
        """Return the file that a service has as a secret of this name."""
        return self.folder / Path(project(project_file)["secrets"][name]["file"]).name

    def placed(self, text: str, project_file: str = TRIAL) -> str:
        """Put the path of the file in place of the one that it has in a container."""

        def path(found: re.Match[str]) -> str:
            return str(self.file(found[1], project_file))

        return re.sub(f"{SECRETS}([\\w.-]+)", path, text)

    def read(self, name: str) -> str:
        """Return the content of a secret."""
        return self.file(name).read_text("utf-8")
