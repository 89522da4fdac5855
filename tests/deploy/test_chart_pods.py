"""Pods of the chart are confined, probed, and have no secret that they do not use."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.compose import image_environment
from tests.deploy.chart import VALUES, named, pod_specs, resources

_EVERY: Final = pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
_SECRETS: Final = "/run/secrets/slimgate/"


@_EVERY
def test_pods_are_restricted(values: Path) -> None:
    """Each pod meets the Pod Security Standard `restricted`, and its root file system is closed."""
    for name, pod in pod_specs(values):
        assert pod["enableServiceLinks"] is pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for each in [*pod["containers"], *pod.get("initContainers", [])]:
            context = each["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in each["resources"]["limits"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        kinds = {next(iter(set(volume) - {"name"})) for volume in pod.get("volumes", [])}
        assert kinds <= {"configMap", "emptyDir", "ephemeral", "projected", "secret"}


@_EVERY
def test_secrets_are_files(values: Path) -> None:
    """No variable holds a secret, and each file that a variable names is mounted."""
    for name, pod in pod_specs(values):
        paths = {
            item["path"]
            for volume in pod.get("volumes", [])
            for source in volume.get("projected", {}).get("sources", [])
            for item in source["secret"]["items"]
        } | {
            item["path"]
            for volume in pod.get("volumes", [])
            for item in volume.get("secret", {}).get("items", [])
        }
        named = set()
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            for each in container.get("env", []):
                assert set(each) == {"name", "value"}
                if each["value"].startswith(_SECRETS):
                    named.add(each["value"].removeprefix(_SECRETS))
        assert named == paths, name


@contextmanager
def _answering(status: HTTPStatus) -> Iterator[str]:
    """Answer every request with a status; yield host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer."""
            self.send_response(status if self.path == "/_slimgate/readyz" else HTTPStatus.NOT_FOUND)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@_EVERY
def test_pods_that_serve_are_probed(values: Path) -> None:
    """Each Deployment says when its pods start, serve and live."""
    for each in resources(values, "Deployment"):
        (container,) = each["spec"]["template"]["spec"]["containers"]
        ports = {port["name"] for port in container["ports"]}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["port"] in ports


@_EVERY
def test_what_the_gateway_writes_to_is_mounted(values: Path) -> None:
    """State, spool and /tmp are volumes of bounded size, and nothing else is mounted."""
    environment = image_environment()
    for name, pod in pod_specs(values):
        mounted = {
            m["mountPath"]: m["name"] for c in pod["containers"] for m in c.get("volumeMounts", [])
        }
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        assert set(mounted.values()) == set(volumes), name
        if volumes:
            for folder in (environment["TMPDIR"], environment["XDG_CACHE_HOME"], "/tmp"):  # noqa: S108
                volume = volumes[mounted[folder]]
                assert "ephemeral" in volume or "sizeLimit" in volume["emptyDir"]


@_EVERY
def test_jobs_do_not_have_the_token_of_operators(values: Path) -> None:
    """Each pod has the secrets that it uses alone."""
    for name, pod in pod_specs(values):
        if not name.startswith("Deployment/") or name.endswith("-engine"):
            assert ("admin.token" in yaml.safe_dump(pod)) is False, name
        if name.endswith("-engine"):
            assert {volume["name"] for volume in pod["volumes"]} == {
                "token",
                "state",
                "spool",
                "tmp",
            }
            assert "serviceAccountName" not in pod


def test_the_test_of_helm_asks_whether_the_gateway_is_ready() -> None:
    """The pod of `helm test` ends well if the gateway is ready, and badly if not."""
    (pod,) = resources(named("default"), "Pod")
    (script,) = pod["spec"]["containers"][0]["args"]
    for ready in (True, False):
        with _answering(HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE) as address:
            tried = script.replace("demo-slimgate-admin.storage.svc:9001", address)
            assert tried != script
            done = subprocess.run([sys.executable, "-c", tried], capture_output=True, check=False)
        assert (done.returncode == 0) is ready, done.stderr
