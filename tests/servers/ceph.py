"""Ceph RGW: a real S3 server, on one node, with its disk in memory.

The programs are Debian's ceph-mon, ceph-osd, ceph-mgr, radosgw and ceph-common.
"""

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.servers.server import Keys, S3Server, answers, free_port, running, wait_until

PROGRAMS: Final = ("ceph-mon", "ceph-osd", "ceph-mgr", "radosgw", "radosgw-admin", "ceph")

_USERS: Final = (Keys("main", "main-secret"), Keys("alt", "alt-secret"))
_COMMAND_S: Final = 120
_CONFIGURATION: Final = """\
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{mon_port}
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
ms bind ipv6 = false
run dir = {directory}
log file = {directory}/$name.log
admin socket = {directory}/$name.asok
pid file =
keyring = {directory}/keyring
mon data = {directory}/mon
mgr data = {directory}/mgr
[osd]
osd data = {directory}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw data = {directory}/rgw
rgw dns name = localhost
rgw crypt require ssl = false
"""


def missing_programs() -> list[str]:
    """List missing programs."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextmanager
def rgw_server(directory: Path) -> Iterator[S3Server]:
    """Run a monitor, a manager, a store and a gateway of Ceph for a while.

    Args:
        directory: An empty folder for everything that they write; its path must be short enough
            for sockets (about 80 characters).
    """
    port, mon_port = free_port(), free_port()
    cluster = _Cluster(directory, mon_port)
    cluster.prepare(port)
    with ExitStack() as stack:
        for name in ("mon", "osd", "mgr", "rgw"):
            start = getattr(cluster, f"{name}_command")
            stack.enter_context(running(start(), directory / f"{name}.out"))
        wait_until(lambda: answers(port), "the start of radosgw", timeout_s=_COMMAND_S)
        for user in _USERS:
            cluster.add_user(user)
        yield S3Server(f"http://127.0.0.1:{port}", _USERS)


class _Cluster:
    """The files of one cluster, and how its servers are started one after the other."""

    def __init__(self, directory: Path, mon_port: int) -> None:
        self._directory = directory
        self._mon_port = mon_port
        self._fsid = str(uuid.uuid4())

    def prepare(self, port: int) -> None:
        """Write the configuration, the keys and the map of the one monitor."""
        for name in ("mon", "mgr", "osd", "rgw"):
            (self._directory / name).mkdir()
        text = _CONFIGURATION.format(
            fsid=self._fsid, mon_port=self._mon_port, directory=self._directory, port=port
        )
        self._file("ceph.conf").write_text(text)
        keyring = str(self._file("keyring"))
        _run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.",
             "--cap", "mon", "allow *")  # fmt: skip
        everything = [word for of in ("mon", "osd", "mgr") for word in ("--cap", of, "allow *")]
        for name in ("client.admin", "mgr.x", "client.rgw", "osd.0"):
            _run("ceph-authtool", keyring, "--gen-key", "-n", name, *everything)
        address = f"[v1:127.0.0.1:{self._mon_port}]"
        _run("monmaptool", "--create", "--addv", "a", address, "--fsid", self._fsid, self._monmap)
        _run(*self._with("ceph-mon", "--mkfs", "-i", "a", "--monmap", self._monmap,
                         "--keyring", keyring))  # fmt: skip

    def mon_command(self) -> list[str]:
        """Say how the monitor is started."""
        return self._with("ceph-mon", "-f", "-i", "a")

    def osd_command(self) -> list[str]:
        """Register the store with the running monitor, and say how it is started."""
        osd = str(uuid.uuid4())
        _run(*self._with("ceph", "osd", "create", osd))
        _run(*self._with("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd))
        return self._with("ceph-osd", "-f", "-i", "0")

    def mgr_command(self) -> list[str]:
        """Say how the manager is started."""
        return self._with("ceph-mgr", "-f", "-i", "x")

    def rgw_command(self) -> list[str]:
        """Say how the gateway is started."""
        return self._with("radosgw", "-f", "-n", "client.rgw")

    def add_user(self, keys: Keys) -> None:
        """Create a user whose name is the access key."""
        _run(*self._with("radosgw-admin", "user", "create", f"--uid={keys.access}",
                         f"--display-name={keys.access}", f"--access-key={keys.access}",
                         f"--secret-key={keys.secret}"))  # fmt: skip

    @property
    def _monmap(self) -> str:
        return str(self._file("monmap"))

    def _file(self, name: str) -> Path:
        return self._directory / name

    def _with(self, program: str, *arguments: str) -> list[str]:
        return [program, "-c", str(self._file("ceph.conf")), *arguments]


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, timeout=_COMMAND_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.decode(errors='replace')}")
