"""What the chart renders agrees with the gateway, and with itself."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from slimgate import models
from slimgate.cli.dispatch import parser
from slimgate.config import Settings, load
from slimgate.gateway.workers.capacity import memory_needed
from tests.compose import dockerfile, image_environment
from tests.deploy.chart import CHART, VALUES, Resource, key, pod_specs, resources, tool

_EVERY: Final = pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
_SECRETS: Final = "/run/secrets/slimgate/"
_VALUES_OF_SECRETS: Final = {"cache.redis.url": "redis://:password@redis:6379/0"}


def _container(values: Path, component: str = "gateway") -> dict[str, Any]:
    (found,) = _deployment(values, component)["spec"]["template"]["spec"]["containers"]
    return dict(found)


def _deployment(values: Path, component: str = "gateway") -> Resource:
    (found,) = (
        each
        for each in resources(values, "Deployment")
        if each["metadata"]["labels"]["app.kubernetes.io/component"] == component
    )
    return found


def _settings(values: Path, folder: Path) -> Settings:
    """Load the configuration with what the container of a gateway sets, and made-up secrets."""
    environ = dict(image_environment())
    for each in _container(values)["env"]:
        value: str = each["value"]
        if value.startswith(_SECRETS):
            file = folder / value.removeprefix(_SECRETS)
            file.write_text(_VALUES_OF_SECRETS.get(file.name, "a secret of twenty characters"))
            value = str(file)
        environ[each["name"]] = value
    (text,) = (
        each["data"]["slimgate.yaml"]
        for each in resources(values, "ConfigMap")
        if "slimgate.yaml" in each["data"]
    )
    config = folder / "slimgate.yaml"
    config.write_text(text)
    return load(config, environ=environ, known_restorers=models.NAMES)


@_EVERY
def test_the_configuration_is_valid(values: Path, tmp_path: Path) -> None:
    """The gateway accepts its configuration, and listens where the ports are."""
    settings = _settings(values, tmp_path)
    ports = {each["name"]: each["containerPort"] for each in _container(values)["ports"]}
    assert settings.address == ("0.0.0.0", ports["s3"])  # noqa: S104  # of a pod
    assert settings.admin.address == ("0.0.0.0", ports["admin"])  # noqa: S104
    assert settings.admin.token is not None


@_EVERY
def test_memory_is_enough_for_what_is_configured(values: Path, tmp_path: Path) -> None:
    """The limit is what the settings need, to the mebibyte, unless somebody has set another one."""
    settings = _settings(values, tmp_path)
    found = _container(values)["resources"]
    needed = -(-memory_needed(settings) // 2**20)
    if values.stem == "bare-values":
        assert found["limits"]["memory"] == "16Gi"
        assert found["requests"]["cpu"] == "250m"
    else:
        assert found["limits"]["memory"] == found["requests"]["memory"] == f"{needed}Mi"
        assert found["requests"]["cpu"] == str(settings.engine.worker_count)


@_EVERY
def test_the_spool_holds_what_is_spooled(values: Path, tmp_path: Path) -> None:
    """The disk for bodies of unknown length is larger than what they may take."""
    settings = _settings(values, tmp_path)
    volumes = _deployment(values)["spec"]["template"]["spec"]["volumes"]
    (spool,) = (volume for volume in volumes if volume["name"] == "spool")
    if "ephemeral" in spool:
        text = spool["ephemeral"]["volumeClaimTemplate"]["spec"]["resources"]["requests"]["storage"]
    else:
        text = spool["emptyDir"]["sizeLimit"]
    assert int(text.removesuffix("Gi")) * 2**30 > 1.1 * settings.limits.max_spooled_bytes


@_EVERY
def test_requests_in_flight_are_finished(values: Path, tmp_path: Path) -> None:
    """Kubernetes waits longer than the pause before SIGTERM and the time for requests in flight."""
    settings = _settings(values, tmp_path)
    pause_s = _container(values)["lifecycle"]["preStop"]["sleep"]["seconds"]
    pod = _deployment(values)["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= settings.shutdown_timeout_s + pause_s + 20


@_EVERY
def test_selectors_meet_pods(values: Path) -> None:
    """What selects pods selects those of one Deployment or kind of job, by ports that exist."""
    labels = {
        key(each): each["spec"].get("template", each)["metadata"]["labels"]
        for each in resources(values, "Deployment", "Job", "Pod")
    }
    for each in resources(
        values, "Service", "PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor"
    ):
        spec = each["spec"]
        selector = spec.get("podSelector", spec.get("selector"))
        selector = selector.get("matchLabels", selector)
        met = [name for name, found in labels.items() if selector.items() <= found.items()]
        assert len(met) == 1, key(each)
        if each["kind"] == "ServiceMonitor":
            names = {p["name"] for s in resources(values, "Service") for p in s["spec"]["ports"]}
            assert {endpoint["port"] for endpoint in spec["endpoints"]} <= names
    for each in resources(values, "HorizontalPodAutoscaler", "ScaledObject"):
        target = f"Deployment/{each['spec']['scaleTargetRef']['name']}"
        assert target in labels
        deployment = next(d for d in resources(values, "Deployment") if key(d) == target)
        assert "replicas" not in deployment["spec"], "both would set it"


@_EVERY
def test_names_are_those_of_clients(values: Path, tmp_path: Path) -> None:
    """Ingress, route and certificate have the same hosts, which are domains of the gateway."""
    domains = set(_settings(values, tmp_path).domains) - {"localhost"}
    for each in resources(values, "Ingress", "HTTPRoute", "Certificate"):
        spec = each["spec"]
        hosts = spec.get("hostnames") or spec.get("dnsNames") or [r["host"] for r in spec["rules"]]
        assert {host.removeprefix("*.") for host in hosts} == domains, key(each)


def test_policies_are_reloaded_and_all_else_restarts() -> None:
    """A change of policies keeps the pods; any other setting makes new ones."""
    annotations = {
        values.stem: _deployment(values)["spec"]["template"]["metadata"]["annotations"]
        for values in VALUES
    }
    assert annotations["jobs-values"] == annotations["default-values"]
    assert annotations["tls-values"] != annotations["default-values"]


@_EVERY
def test_what_runs_is_a_command(values: Path) -> None:
    """The command line of the image understands the arguments of each container."""
    (entry,) = [rest for instruction, rest in dockerfile() if instruction == "ENTRYPOINT"]
    assert entry == '["slimgate"]'
    for name, pod in pod_specs(values):
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            if "command" not in container:
                options = parser().parse_args(container["args"])
                assert callable(options.run), name


@_EVERY
def test_engines_finish_their_images(values: Path) -> None:
    """Kubernetes waits longer than the pause before SIGTERM and the time for images in flight."""
    for each in resources(values, "Deployment"):
        pod = each["spec"]["template"]["spec"]
        words = parser().parse_args(pod["containers"][0]["args"])
        if words.command == "engine":
            pause_s = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert pod["terminationGracePeriodSeconds"] >= words.drain_s + pause_s + 20


def test_long_names_stay_apart(tmp_path: Path) -> None:
    """Jobs whose names differ at the end alone have names of their own, short enough for both."""
    nightly = {"do": "verify", "state": "s3://jobs/j", "schedule": "0 3 * * *"}
    once = {"do": "verify", "state": "s3://jobs/j"}
    four = [nightly, nightly, once, once]
    jobs = {f"{'long-' * 8}{index}": job for index, job in enumerate(four)}
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"jobs": jobs}))
    done = tool("helm", "template", "r" * 53, CHART, "--values", values)
    assert done.returncode == 0, done.stderr
    found = [each for each in yaml.safe_load_all(done.stdout) if each]
    names = [each["metadata"]["name"] for each in found if each["kind"] in {"CronJob", "Job"}]
    assert len(set(names)) == 4
    assert [len(name) <= 63 for name in names] == [True] * 4
    nightly_names = [each["metadata"]["name"] for each in found if each["kind"] == "CronJob"]
    assert max(map(len, nightly_names)) <= 52
