"""What the container files say agrees with the program and with each other."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client import CollectorRegistry

from slimgate import models
from slimgate.config import Engine, load
from slimgate.gateway.telemetry import metrics
from slimgate.models.engine.images import LocalImages
from slimgate.models.engine.loading import Restorers
from slimgate.models.serving.admission import Admission
from slimgate.models.serving.api import EngineApi
from slimgate.models.serving.metrics import registry
from tests.compose import ALERTS, FOLDER, ROOT, dockerfile, image_environment, mounts, services
from tests.servers.gateway import configuration
from tests.servers.server import S3Server

_METRIC: Final = re.compile(r"\b((?:slimgate|process)_\w+)")
_SUFFIXES: Final = {
    "counter": ["_total"],
    "gauge": [""],
    "histogram": ["_bucket", "_sum", "_count"],
    "info": ["_info"],
}


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def _run(*command: str, folder: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _of_an_engine() -> CollectorRegistry:
    """Return the metrics of an engine on another machine."""
    restorers = Restorers(Engine(), timeout_s=1)
    api = EngineApi(LocalImages(restorers), [], Admission(1, 1), token=None, timeout_s=1)
    return registry(api, dict)[0]


def _counted() -> set[str]:
    """Return the names of all series; those with labels do not exist before they are counted."""
    names: set[str] = set()
    for family in chain(metrics.REGISTRY.collect(), _of_an_engine().collect()):
        names |= {f"{family.name}{suffix}" for suffix in _SUFFIXES[family.type]}
    return names


def _queries(value: Any) -> Iterator[str]:
    """Find all queries in a dashboard."""
    if isinstance(value, dict):
        yield from (query for key in ("expr", "query") if isinstance(query := value.get(key), str))
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _queries(each)


def test_metrics_of_the_dashboard_exist() -> None:
    """No panel shows something that nobody counts, and everything that is counted is shown."""
    dashboard = json.loads((FOLDER / "grafana" / "slimgate.json").read_text("utf-8"))
    shown = {name for query in _queries(dashboard) for name in _METRIC.findall(query)}
    assert shown - _counted() == set()
    families = {f.name for f in metrics.REGISTRY.collect() if f.name.startswith("slimgate_")}
    assert {name for name in families if not any(s.startswith(name) for s in shown)} == set()


@pytest.mark.skipif(not shutil.which("promtool"), reason="prometheus is not installed")
def test_prometheus_understands_everything(tmp_path: Path) -> None:
    """Prometheus accepts its configuration, the rules, and every query of the dashboard."""
    dashboard = json.loads((FOLDER / "grafana" / "slimgate.json").read_text("utf-8"))
    written = [
        query.replace("$__rate_interval", "5m").replace("$__range", "5m")
        for query in _queries(dashboard)
        if not query.startswith("label_values")
    ]
    rules = [{"record": f"query_{number}", "expr": e} for number, e in enumerate(written)]
    queries = tmp_path / "queries.yml"
    queries.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    config = (FOLDER / "prometheus.yml").read_text("utf-8")
    token = tmp_path / "token"
    token.write_text("token")
    (tmp_path / "alerts.yml").write_text(ALERTS.read_text("utf-8"))
    (tmp_path / "prometheus.yml").write_text(config.replace("/run/secrets/admin-token", str(token)))
    for command in (["rules", "queries.yml"], ["config", "prometheus.yml"]):
        done = _run("promtool", "check", *command, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


def test_panels_do_not_overlap() -> None:
    """Each panel of the dashboard has its own place."""
    dashboard = json.loads((FOLDER / "grafana" / "slimgate.json").read_text("utf-8"))
    places = [
        (x, y)
        for panel in dashboard["panels"]
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24


def test_rows_answer_what_operators_ask() -> None:
    """The dashboard begins with the questions of an operator, and each has panels."""
    dashboard = json.loads((FOLDER / "grafana" / "slimgate.json").read_text("utf-8"))
    panels = dashboard["panels"]
    rows = [index for index, panel in enumerate(panels) if panel["type"] == "row"]
    assert [panels[index]["title"] for index in rows][:4] == [
        "Is it safe?", "Is it saving?", "Is it slow?", "What is refused, and why?",
    ]  # fmt: skip
    assert all(panels[index + 1]["type"] != "row" for index in rows)
    assert len(panels) == len({panel["id"] for panel in panels})


def test_metrics_of_alerts_exist() -> None:
    """No rule watches something that nobody counts."""
    rules = [rule for group in _yaml(ALERTS)["groups"] for rule in group["rules"]]
    watched = {name for rule in rules for name in _METRIC.findall(rule["expr"])}
    assert watched
    assert watched - _counted() == set()
    for rule in rules:
        assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]


def test_docker_compose_is_valid() -> None:
    """The file fits the schema of the Compose specification."""
    schema = ["--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    done = _run(sys.executable, "-m", "check_jsonschema", *schema)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile_follows_good_practice() -> None:
    """The linter has nothing to say."""
    hadolint = Path(sys.executable).with_name("hadolint")
    done = _run(str(hadolint), "--failure-threshold", "style", "Dockerfile")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_files_that_are_mounted_exist() -> None:
    """Docker would make an empty folder of one that does not."""
    found = [mount for service in services().values() for mount in mounts(service)]
    mounted = [Path(mount.source) for mount in found if mount.kind == "bind"]
    assert mounted
    assert [path for path in mounted if not (ROOT / path).is_file()] == []


def test_the_image_is_built_of_what_is_there() -> None:
    """Everything that is copied exists and is not ignored; the user is no root and has a number."""
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    for instruction, rest in dockerfile():
        if instruction == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in ignored, source
    users = [rest for instruction, rest in dockerfile() if instruction == "USER"]
    assert users
    assert all(int(user) > 0 for user in users)
    assert "HEALTHCHECK" in [instruction for instruction, _ in dockerfile()]


def test_settings_of_the_image_are_settings(tmp_path: Path) -> None:
    """The variables that the image sets name what the program knows."""
    environment = {n: v for n, v in image_environment().items() if n.startswith("SLIMGATE_")}
    assert "SLIMGATE_ADMIN__LISTEN" in environment
    config = tmp_path / "slimgate.yaml"
    config.write_text(yaml.safe_dump(configuration(S3Server("http://127.0.0.1:1"))))
    settings = load(config, environ=environment, known_restorers=models.NAMES)
    assert settings.admin.address == ("127.0.0.1", 9001)
