"""The chart renders, for a dozen files of values, what Kubernetes accepts and scanners approve."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.compose import PRODUCTION, ROOT, TRIAL, services
from tests.deploy.chart import (
    CHART,
    NAMESPACE,
    RELEASE,
    VALUES,
    defaults,
    described,
    key,
    reference,
    rendered,
    resources,
    schema,
    tool,
)
from tests.deploy.cloud import APP

_EVERY: Final = pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
_DIGESTS: Final = Path(__file__).with_name("rendered.json")
_KUBERNETES: Final = ("1.30", "1.35")
# Defined by others than Kubernetes, so that no schema is at hand.
_CUSTOM: Final = {
    "Certificate": "cert-manager.io/v1",
    "Gateway": "gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
    "ScaledObject": "keda.sh/v1alpha1",
    "ServiceMonitor": "monitoring.coreos.com/v1",
}


@_EVERY
def test_helm_finds_no_mistake(values: Path) -> None:
    """Values fit the schema, and templates have no warning."""
    done = tool("helm", "lint", "--strict", CHART, "--values", values)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


@pytest.mark.parametrize("version", _KUBERNETES)
def test_kubernetes_accepts_everything(version: str, tmp_path: Path) -> None:
    """Each resource fits the schemas of old and new Kubernetes, and has no other fields."""
    files = []
    for values in VALUES:
        files.append(tmp_path / values.name)
        files[-1].write_text(rendered(values))
    done = tool("kubernetes-validate", "--strict", "--kubernetes-version", version, *files)
    assert done.returncode == 0, done.stdout + done.stderr
    unknown = [line for line in done.stdout.splitlines() if not line.startswith("INFO")]
    assert {line.partition("kind ")[2].split()[0] for line in unknown} == _CUSTOM.keys()


@_EVERY
def test_resources_of_others_have_the_version_that_is_served(values: Path) -> None:
    """Custom resources name the version that their controllers serve."""
    for each in resources(values, *_CUSTOM):
        assert each["apiVersion"] == _CUSTOM[each["kind"]]


def test_nothing_changes_unnoticed() -> None:
    """Each resource is as it was; `python -m tests.deploy.test_chart` accepts what has changed."""
    assert _digests() == json.loads(_DIGESTS.read_text("utf-8"))


def _digests() -> dict[str, dict[str, str]]:
    """Return a digest of each resource by its file of values."""
    return {
        values.stem: {
            key(each): hashlib.sha256(json.dumps(each, sort_keys=True).encode()).hexdigest()[:12]
            for each in resources(values)
        }
        for values in VALUES
    }


def test_the_chart_has_the_version_of_the_program() -> None:
    """Chart, Compose and the AWS stacks run the image of this version."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert (chart["version"], chart["appVersion"]) == (version, version)
    context = json.loads((APP / "cdk.json").read_text("utf-8"))["context"]
    assert context["image"].endswith(f"/slimgate:{version}")
    images = {each["image"] for file in (TRIAL, PRODUCTION) for each in services(file).values()}
    own = {image for image in images if image.startswith("slimgate:")}
    assert own == {f"slimgate:{version}", f"slimgate:{version}-gpu"}


def test_every_value_is_described() -> None:
    """Schema and defaults have the same values, and the table of README.md is made of them."""
    known = {path for path, _ in described(schema()) if "NAME" not in path} - {"global"}
    assert set(_paths(defaults(), known)) == known
    assert reference() in (CHART / "README.md").read_text("utf-8")


def _paths(node: dict[str, object], known: set[str], path: str = "") -> list[str]:
    found = []
    for name, value in node.items():
        here = f"{path}.{name}".removeprefix(".")
        if here in known or not path.startswith(("config", "secretSettings")):
            found.append(here)
        has_parts = any(each.startswith(f"{here}.") for each in known)
        if isinstance(value, dict) and has_parts:
            found += _paths(value, known, here)
    return found


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"gateway": {"replica": 3}}, "additional properties 'replica' not allowed"),
        ({"config": {"engine": {"workers": "auto"}}}, "/config/engine/workers"),
        ({"config": {"upstream": {"endpoint": None}}}, "missing property 'endpoint'"),
        (
            {"secretSettings": {"admin.token": {"key": "k", "existingSecret": None}}},
            "existingSecret",
        ),
        ({"jobs": {"a": {"do": "shrink", "state": "s3://jobs/a"}}}, "/jobs/a/do"),
        ({"ingress": {"enabled": True}}, "ingress.enabled needs hosts"),
        ({"certificate": {"enabled": True}}, "certificate.enabled needs hosts"),
        ({"tls": {"enabled": True}}, "tls.enabled needs tls.existingSecret"),
        ({"hosts": ["a.b"], "httpRoute": {"enabled": True}}, "httpRoute.enabled needs parentRefs"),
    ],
)
def test_mistakes_are_named(values: dict[str, object], said: str, tmp_path: Path) -> None:
    """What cannot work is refused before anything is installed."""
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    done = tool("helm", "template", RELEASE, CHART, "--values", file)
    assert done.returncode != 0
    assert said in done.stderr


def test_the_notes_say_what_to_do_next() -> None:
    """After the installation people read which Secrets are needed, and how to try it."""
    words = (
        "--dry-run=client",
        "--namespace",
        NAMESPACE,
        "--values",
        CHART / "ci/ingress-values.yaml",
    )
    done = tool("helm", "install", RELEASE, CHART, *words)
    notes = done.stdout.partition("NOTES:")[2]
    assert "slimgate / admin-token: admin.token" in notes
    assert "Endpoint: https://s3.example.com" in notes
    assert "There are no policies yet" in notes
    assert "config.limits.proxies" not in notes


if __name__ == "__main__":
    _DIGESTS.write_text(f"{json.dumps(_digests(), indent=1)}\n", "utf-8")
