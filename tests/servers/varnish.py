"""Varnish in front of a server, with the rules that it has by itself."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.servers.server import S3Server, answers, free_port, running, wait_until

_RULES: Final = """vcl 4.1;
backend behind {{ .host = "{host}"; .port = "{port}"; }}
sub vcl_backend_response {{
  set beresp.ttl = {valid_s}s;
  set beresp.grace = 0s;
  set beresp.keep = 1h;
}}
sub vcl_deliver {{
  if (obj.hits > 0) {{ set resp.http.X-Cache = "HIT"; }} else {{ set resp.http.X-Cache = "MISS"; }}
}}
"""


def missing_programs() -> list[str]:
    """List missing programs: a compiler is one of them."""
    return [name for name in ("varnishd", "gcc") if shutil.which(name) is None]


@contextmanager
def varnish(server: S3Server, folder: Path, *, valid_s: int) -> Iterator[S3Server]:
    """Run Varnish, which caches what it may; yield the server as seen through it.

    Args:
        server: Whom to stand before.
        folder: For all its files.
        valid_s: How long answers count, in seconds.
    """
    port, behind = free_port(), urlsplit(server.endpoint)
    rules = folder / "rules.vcl"
    rules.write_text(_RULES.format(host=behind.hostname, port=behind.port, valid_s=valid_s))
    command = [
        "varnishd", "-F", "-j", "none", "-n", str(folder / "state"), "-f", str(rules),
        "-a", f"127.0.0.1:{port}", "-T", "none", "-s", "malloc,16m",
    ]  # fmt: skip
    with running(command, folder / "varnish.log") as process:
        # It listens before it has compiled its rules.
        wait_until(lambda: answers(port) or process.poll() is not None, "the start of Varnish")
        yield server.at(f"http://127.0.0.1:{port}")
