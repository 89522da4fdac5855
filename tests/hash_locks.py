"""Add the digests of all wheels and source archives to files that name packages and versions.

Names and versions stay as they are. The environment of the running Python counts for packages
that depend on it.

    python -m tests.hash_locks requirements.lock …
"""

import json
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

_PIN: Final = re.compile(r"(?m)^([A-Za-z0-9._-]+==[^ ;\\\n]+)( ?;[^\\\n]+)?")


def hashed(lock: str) -> str:
    """Return a lock with the digests of the files of its packages.

    Args:
        lock: One package, version and marker per line; digests that it has are replaced.

    Raises:
        subprocess.CalledProcessError: An index has no such version.
    """
    pins = "".join(f"{name}{marker}\n" for name, marker in _PIN.findall(lock))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "requirements.txt")
        file.write_text(pins, "utf-8")
        return with_local_builds(_resolved(file), _chosen(file))


def _resolved(pins: Path) -> str:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"]
    command += ["--python-version", platform.python_version()]
    command += ["--no-deps", "--generate-hashes", "--no-annotate", "--no-header", str(pins)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _chosen(pins: Path) -> list[dict[str, Any]]:
    """Return what pip would install here."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps"]
    command += ["--ignore-installed", "--report", "-", "--requirement", str(pins)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return list(json.loads(done.stdout)["install"])


def with_local_builds(lock: str, chosen: list[dict[str, Any]]) -> str:
    """Return a lock with the digests of builds such as ``2.13.0+cpu``, which indexes lack.

    Args:
        lock: A lock with digests.
        chosen: What pip would install, as its report says.
    """
    for each in chosen:
        name, version = each["metadata"]["name"].lower(), each["metadata"]["version"]
        digest = each["download_info"]["archive_info"]["hashes"]["sha256"]
        if "+" in version and digest not in lock:
            pin = f"{name}=={version.partition('+')[0]} \\\n"
            lock = lock.replace(pin, f"{pin}    --hash=sha256:{digest} \\\n")
    return lock


if __name__ == "__main__":
    for lock in map(Path, sys.argv[1:]):
        lock.write_text(hashed(lock.read_text("utf-8")), "utf-8")
