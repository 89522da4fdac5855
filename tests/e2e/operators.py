"""What operators ask a gateway."""

import http.client
import os
import subprocess
import sys
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from tests.servers.gateway import GatewayProcess

Counts = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def asked(
    process: GatewayProcess, path: str, *, token: str | None = None, public: bool = False
) -> tuple[int, str]:
    """Request a path of the admin listener, or of the public one; return status and text."""
    line = process.wait_for("listening" if public else "listening for operators")
    connection = http.client.HTTPConnection(line["address"], timeout=20)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def probed(
    process: GatewayProcess, address: str, **environ: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the probe of containers on a gateway's configuration, told where operators find it."""
    told = {"SLIMGATE_CONFIG": str(process.file), "SLIMGATE_ADMIN__LISTEN": address, **environ}
    command = [sys.executable, "-m", "slimgate.gateway.admin.healthcheck"]
    return subprocess.run(command, env={**os.environ, **told}, capture_output=True, check=False)


def counts(process: GatewayProcess) -> Counts:
    """Return everything that the gateway counts, by name and labels."""
    status, text = asked(process, "/_slimgate/metrics")
    assert status == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def counted(found: Counts, name: str, **labels: str) -> float:
    """Return one of the counts; what has not happened yet is 0."""
    return found.get((f"slimgate_{name}", frozenset(labels.items())), 0.0)
