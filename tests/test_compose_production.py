"""docker-compose.production.yml serves https to the world, and keeps everything else inside."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import yaml

from slimgate import models
from slimgate.config import Settings, load
from slimgate.gateway.workers.capacity import memory_needed
from tests.compose import (
    FOLDER,
    PRODUCTION,
    ROOT,
    TRIAL,
    Secrets,
    duration_s,
    image_environment,
    mounts,
    project,
    services,
    size,
)

# What Compose refuses in a service that others extend.
_DEPENDENCIES: Final = {"depends_on", "links", "volumes_from", "network_mode", "ipc", "pid"}


def _settings(folder: Path) -> Settings:
    secrets = Secrets.made(folder)
    for name in ("certificate.pem", "certificate-key.pem"):
        (folder / name).touch()
    environment = services(PRODUCTION)["gateway"]["environment"]
    environ = {
        **image_environment(),
        **{key: secrets.placed(str(text), PRODUCTION) for key, text in environment.items()},
    }
    return load(FOLDER / "production.yaml", environ=environ, known_restorers=models.NAMES)


def test_it_fits_the_schema() -> None:
    """The file is one of the Compose specification."""
    schema = ["--builtin-schema", "vendor.compose-spec", PRODUCTION]
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_services_that_are_extended_depend_on_none() -> None:
    """Compose refuses to extend a service that needs another one."""
    own = yaml.safe_load((ROOT / PRODUCTION).read_text("utf-8"))["services"]
    extended = {each["extends"]["service"] for each in own.values() if "extends" in each}
    assert extended == {"redis", "prometheus", "grafana"}
    for name in extended:
        assert not _DEPENDENCIES & services(TRIAL)[name].keys()


def test_what_is_used_is_defined_and_the_reverse() -> None:
    """No service names what does not exist, and nothing is left over."""
    for kind in ("secrets", "networks"):
        used = {name for each in services(PRODUCTION).values() for name in each.get(kind, [])}
        assert used == set(project(PRODUCTION)[kind])
    found = [mount for each in services(PRODUCTION).values() for mount in mounts(each)]
    assert {m.source for m in found if m.kind == "volume"} == set(project(PRODUCTION)["volumes"])
    assert [m.source for m in found if m.kind == "bind" and not (ROOT / m.source).is_file()] == []
    for name, each in services(PRODUCTION).items():
        for needed, how in each.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, name
            assert "healthcheck" in services(PRODUCTION)[needed]


def test_only_https_is_published() -> None:
    """Clients reach port 443; operators reach the machine first."""
    ports = [port for each in services(PRODUCTION).values() for port in each.get("ports", [])]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == ["443:9000"]


def test_the_gateway_is_confined_as_in_the_trial() -> None:
    """Its rights, memory and logs are those of the other file."""
    trial, production = services(TRIAL)["gateway"], services(PRODUCTION)["gateway"]
    for key in ("restart", "read_only", "cap_drop", "security_opt", "tmpfs", "logging", "init",
                "image", "build", "mem_limit", "stop_grace_period"):  # fmt: skip
        assert production[key] == trial[key], key


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    """The gateway speaks https, with a role instead of keys, and has memory and time enough."""
    settings = _settings(tmp_path)
    assert settings.tls.files == (
        str(tmp_path / "certificate.pem"),
        str(tmp_path / "certificate-key.pem"),
    )
    gateway = services(PRODUCTION)["gateway"]
    assert size(gateway["mem_limit"]) >= memory_needed(settings)
    assert duration_s(gateway["stop_grace_period"]) >= settings.shutdown_timeout_s + 20
