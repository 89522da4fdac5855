"""Add the digests of all wheels and source archives to files that name packages and versions.

Names and versions stay as they are. The environment of the running Python counts for packages
that depend on it.

    python -m tests.hash_locks requirements.lock …
"""

import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

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
        return _resolved(file)


def _resolved(pins: Path) -> str:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"]
    command += ["--python-version", platform.python_version()]
    command += ["--no-deps", "--generate-hashes", "--no-annotate", "--no-header", str(pins)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    for lock in map(Path, sys.argv[1:]):
        lock.write_text(hashed(lock.read_text("utf-8")), "utf-8")
