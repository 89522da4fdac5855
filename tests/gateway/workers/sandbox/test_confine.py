"""Attack from within the sandbox of workers."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from slimgate.codec.measures import ocr
from slimgate.gateway.workers.forking import clean_environment
from slimgate.gateway.workers.sandbox import landlock, privileges
from slimgate.gateway.workers.sandbox.kernel import Unsupported
from tests.gateway.workers.sandbox import hostile

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a sandbox")

_PATIENCE_S: Final = 60

_FOR_ROOT: Final = {"become root"}
_WITH_PROGRAMS: Final = {"fork", "clone"}
"""Permitted to workers that start the program that reads text."""


def _has_landlock() -> bool:
    try:
        return landlock.version() >= 1
    except Unsupported:
        return False


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with something to reach."""
    (tmp_path / "file").write_text("secret")
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        (tmp_path / "port").write_text(str(tcp.getsockname()[1]))
        unix.bind(str(tmp_path / "socket"))
        unix.listen()
        yield tmp_path


def _succeed(confined: str, folder: Path) -> set[str]:
    command = [sys.executable, "-m", hostile.__name__, confined, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return set(json.loads(done.stdout))


def test_attacks_work_without_a_sandbox(folder: Path) -> None:
    """Each attack that is refused below succeeds in a process that is not confined."""
    refused = set(hostile.attacks(folder, 1)) - _succeed("no", folder)
    assert refused <= {*_FOR_ROOT, "trace", "read memory", "raise a limit"}


@pytest.mark.skipif(not _has_landlock(), reason="this kernel has no Landlock")
def test_all_attacks_fail(folder: Path) -> None:
    """A confined process reaches no file, address, process or privilege."""
    assert _succeed("yes", folder) == set()


@pytest.mark.skipif(not _has_landlock(), reason="this kernel has no Landlock")
def test_a_worker_that_may_start_programs_cannot_do_more_with_them(folder: Path) -> None:
    """A process that may start Tesseract can fork, and nothing else."""
    assert _succeed("programs", folder) <= _WITH_PROGRAMS


def _printed(script: str) -> bytes:
    """Run a program in the environment of workers, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env=clean_environment(os.environ),
        timeout=_PATIENCE_S,
        check=True,
    )
    return done.stdout


def test_linear_algebra_needs_no_threads() -> None:
    """Large matrices are multiplied in the environment of workers; with threads, that hangs."""
    script = (
        "import numpy as np; from slimgate.gateway.workers.sandbox.confine import confine;"
        "confine(programs=False); print((np.ones((700, 700)) @ np.ones((700, 700))).max())"
    )
    assert _printed(script) == b"700.0\n"


def test_threads_work_in_the_sandbox() -> None:
    """A confined worker encodes with threads, and measures in threads of its own."""
    script = (
        "import numpy as np; from slimgate.gateway.workers.sandbox.confine import confine;"
        "from slimgate.codec.encoders import EncoderSettings, avif;"
        "from slimgate.codec.threads import Threads;"
        "avif.knows('ssimulacra2'); confine(programs=False);"
        "large = np.zeros((1500, 1400, 3), np.uint8);"
        "how = EncoderSettings(quality=50, subsampling='4:2:0', speed=9);"
        "data = avif.encode(large, how);"
        "found = avif.read(data, mode='RGB', width=1400, height=1500, threads=2);"
        "print(Threads(3).map(lambda number: number + int(found.max()), range(3)))"
    )
    assert _printed(script) == b"[0, 1, 2]\n"


def test_the_user_of_workers_may_have_threads() -> None:
    """The limit of its processes counts threads."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    script = (
        "from slimgate.gateway.workers.sandbox import privileges as p;"
        "from slimgate.codec.threads import Threads;"
        "p.lower_limits(); p.become_nobody([]); p.drop_capabilities();"
        "print(Threads(4).map(abs, range(5)))"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"[0, 1, 2, 3, 4]\n"


@pytest.mark.skipif(not shutil.which(ocr.PROGRAM), reason="Tesseract is not installed")
def test_tesseract_reads_in_the_sandbox() -> None:
    """The program that reads text finds all it needs, and nothing else is permitted to it."""
    script = (
        "import numpy as np; from PIL import Image, ImageDraw;"
        "from slimgate.gateway.workers.sandbox.confine import confine;"
        "from slimgate.codec.measures import ocr;"
        "picture = Image.new('RGB', (600, 80), 'white');"
        "ImageDraw.Draw(picture).text((20, 20), 'quick brown fox', 'black', font_size=32);"
        "confine(programs=True); print(*ocr.words(np.asarray(picture), timeout_s=60))"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    assert done.stdout.split() == [b"quick", b"brown", b"fox"]


def test_a_worker_of_root_has_a_user_of_its_own(tmp_path: Path) -> None:
    """Root becomes an unprivileged user, without capabilities, who cannot return."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    script = (
        "import os; from slimgate.gateway.workers.sandbox import privileges as p; "
        "p.become_nobody([]); p.drop_capabilities(); "
        "print(os.getresuid(), os.getresgid(), os.getgroups()); "
        "print([line for line in open('/proc/self/status') if line[:6] in ('CapEff', 'NoNewP')])"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    user = privileges.USER
    assert done.stdout.decode().splitlines() == [
        f"({user}, {user}, {user}) ({user}, {user}, {user}) []",
        "['CapEff:\\t0000000000000000\\n', 'NoNewPrivs:\\t1\\n']",
    ]


def test_a_worker_of_root_ends_with_its_parent() -> None:
    """Changing the user undoes that, so it is asked for again; a filter would deny the question."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    script = (
        "import ctypes, os, signal; from slimgate.gateway.workers.sandbox import confine as c;"
        "c._code = lambda: iter(());"  # as if anyone could read it
        "c.landlock.restrict = c.seccomp.restrict = lambda *_, **__: None;"
        "c.confine(programs=False);"
        "number = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(number));"
        "print(os.getuid(), number.value == signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().split() == [str(privileges.USER), "True"]


def test_a_user_that_could_not_read_the_code_is_not_taken(tmp_path: Path) -> None:
    """Root stays root where Python is in a folder of its own, and says which."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    folder = tmp_path / "private" / "lib"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    hidden = next(each for each in reversed(folder.parents) if not each.stat().st_mode & 0o1)
    with pytest.raises(Unsupported, match=rf"other users cannot read {hidden}$"):
        privileges.become_nobody([folder])
