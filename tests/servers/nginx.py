"""nginx: as a store of files, or in front of servers, as a caching proxy or a load balancer."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.servers.server import S3Server, free_port

_START_S: Final = 10.0
_COMMON: Final = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path {folder}/bodies;
  fastcgi_temp_path {folder}/unused;
  scgi_temp_path {folder}/unused;
  uwsgi_temp_path {folder}/unused;
  proxy_temp_path {folder}/answers;
{http}
}}
"""
_CACHING: Final = """
  proxy_cache_path {folder}/cache keys_zone=all:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {behind};
      proxy_set_header Host $http_host;
      proxy_cache all;
      proxy_cache_key $scheme$proxy_host$request_uri;
      proxy_cache_valid any {valid_s}s;
      proxy_cache_revalidate on;
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
"""
# A server that is not there, or disconnects before it answers, is none: the next one is asked.
# As a store, it knows neither buckets nor signatures, and takes uploads (WebDAV).
_STORING: Final = """
  open_file_cache max=100;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/objects;
    client_max_body_size 0;
    location / {{
      dav_methods PUT DELETE;
      create_full_put_path on;
    }}
  }}
"""
_BALANCING: Final = """
  upstream behind {{
    {servers}
    keepalive 64;
    keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 0;
    location / {{
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }}
  }}
"""


def missing_program() -> str | None:
    """Return the name of the program that is not installed."""
    return None if shutil.which("nginx") else "nginx"


@contextmanager
def caching_proxy(server: S3Server, folder: Path, *, valid_s: int) -> Iterator[S3Server]:
    """Run nginx, which caches all cacheable responses; yield the server as seen through it.

    Args:
        server: Whom to stand before.
        folder: For all its files.
        valid_s: How long answers count that say nothing of it themselves, in seconds.
    """
    port = free_port()
    http = _CACHING.format(folder=folder, port=port, behind=server.endpoint, valid_s=valid_s)
    with _running(http, port, folder):
        yield server.at(f"http://127.0.0.1:{port}")


@contextmanager
def load_balancer(ports: Iterable[int], folder: Path) -> Iterator[str]:
    """Run nginx, which asks one of several servers of this host for each request; yield its URL.

    Args:
        ports: Ports of the servers, which may come and go.
        folder: For all its files.
    """
    port = free_port()
    servers = " ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in ports)
    with _running(_BALANCING.format(servers=servers, port=port), port, folder):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def file_store(folder: Path) -> Iterator[str]:
    """Run nginx, which stores and returns files, whoever asks; yield its URL.

    Args:
        folder: For all its files.
    """
    port = free_port()
    (folder / "objects").mkdir()
    with _running(_STORING.format(folder=folder, port=port), port, folder):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(http: str, port: int, folder: Path) -> Iterator[None]:
    user = "user root;" if os.geteuid() == 0 else ""
    file = folder / "nginx.conf"
    file.write_text(_COMMON.format(folder=folder, user=user, http=http))
    command = ["nginx", "-p", str(folder), "-c", str(file), "-e", str(folder / "error.log")]
    with subprocess.Popen(command) as process:
        try:
            _wait_for(port, process)
            yield
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
