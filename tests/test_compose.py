"""What docker-compose.yml says is what Compose accepts at run time, and confines its services.

The schema cannot say most of that: Compose finds out when it creates containers.
"""

import re
import sys
from pathlib import Path
from typing import Final

import pytest

from slimgate import models
from slimgate.cli.dispatch import parser
from slimgate.config import Settings, load
from slimgate.gateway.workers.capacity import memory_needed
from tests.compose import (
    FOLDER,
    ROOT,
    SECRETS,
    Secrets,
    Service,
    dockerfile,
    duration_s,
    image_environment,
    mounts,
    project,
    services,
    size,
)

_SERVICES: Final = pytest.mark.parametrize("name", services())

# Of the Dockerfile of each image: what its health check may run.
_PROGRAMS: Final = {
    "chrislusf/seaweedfs": {"curl", "wget"},  # Alpine's busybox has wget
    "redis": {"redis-cli"},
    "prom/prometheus": {"wget", "promtool"},  # busybox
    "grafana/grafana": {"wget"},  # Alpine's busybox; curl is about to go
}
_USERS: Final = {
    "chrislusf/seaweedfs": "1000:1000",
    "redis": "999:1000",
    "prom/prometheus": "65534:65534",
    "grafana/grafana": "472:0",
}


def _repository(service: Service) -> str:
    return str(service["image"]).rpartition(":")[0]


def _settings(secrets: Secrets) -> Settings:
    """Load the configuration with what the container of the gateway sets."""
    environment = {
        **image_environment(),
        **{
            key: secrets.placed(str(text))
            for key, text in services()["gateway"]["environment"].items()
        },
    }
    return load(FOLDER / "slimgate.yaml", environ=environment, known_restorers=models.NAMES)


@_SERVICES
def test_secrets_of_read_only_services_are_files(name: str) -> None:
    """Compose copies every other secret or config into the root file system, or refuses to."""
    service = services()[name]
    assert service["read_only"]
    for kind in ("secrets", "configs"):
        for used in service.get(kind, []):
            assert isinstance(used, str), "uid, gid and mode of a file have no effect"
            assert set(project()[kind][used]) == {"file"}


@pytest.mark.parametrize("kind", ["secrets", "networks", "volumes"])
def test_what_is_used_is_defined_and_the_reverse(kind: str) -> None:
    """No service names what does not exist, and nothing is left over."""
    used = {name for service in services().values() for name in service.get(kind, [])}
    if kind == "volumes":
        found = [mount for service in services().values() for mount in mounts(service)]
        used = {mount.source for mount in found if mount.kind == "volume"}
    assert used == set(project()[kind])


def test_services_wait_for_what_can_become_healthy() -> None:
    """Compose refuses to wait for a service without a health check, or one that may be left out."""
    checked = {name for name, service in services().items() if "healthcheck" in service}
    checked |= {"gateway"} if "HEALTHCHECK" in dict(dockerfile()) else set()
    assert checked == set(services())
    for service in services().values():
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "profiles" not in services()[needed]
            assert not services()[needed].get("depends_on"), "two levels are enough"


def test_programs_of_health_checks_are_in_the_images() -> None:
    """A check whose program is missing fails for ever."""
    for service in services().values():
        if "build" not in service:
            kind, program, *_ = service["healthcheck"]["test"]
            assert kind == "CMD"
            assert program in _PROGRAMS[_repository(service)]


def test_only_what_is_needed_is_published() -> None:
    """Ports of the gateway and of Grafana are published, all of them on loopback."""
    published = {n: s["ports"] for n, s in services().items() if "ports" in s}
    assert set(published) == {"gateway", "grafana"}
    pairs = [port.rsplit(":", 1)[0] for ports in published.values() for port in ports]
    assert len(pairs) == len(set(pairs)) == 3
    assert all(pair.startswith("127.0.0.1:") for pair in pairs)


def test_published_ports_can_be_reached() -> None:
    """Docker publishes no port of a container whose networks are all internal."""
    for name, service in services().items():
        outside = [n for n in service["networks"] if not (project()["networks"][n] or {})]
        assert bool(outside) == ("ports" in service), name


def test_networks_are_as_small_as_they_can_be() -> None:
    """The store, Redis and Prometheus are reached by those that need them alone."""
    neighbours = {
        name: {
            other
            for other, each in services().items()
            if other != name and set(each["networks"]) & set(service["networks"])
        }
        for name, service in services().items()
    }
    assert neighbours["bucket"] == neighbours["redis"] == {"gateway"}
    assert neighbours["engine"] == {"gateway", "prometheus", "grafana"}
    assert neighbours["prometheus"] == {"gateway", "engine", "grafana"}
    assert all("default" not in service["networks"] for service in services().values())


@_SERVICES
def test_services_are_pinned_and_confined(name: str) -> None:
    """Each has a fixed version, a user without rights, bounded memory and nothing of others."""
    service = services()[name]
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d[\w.-]*", service["image"])
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"] == {"driver": "local"}
    assert service["restart"] == "unless-stopped"
    assert size(service["mem_limit"]) >= 2**28
    # Entry points which begin as root need rights to become somebody else.
    if "build" not in service:
        assert service["user"] == _USERS[_repository(service)]


@_SERVICES
def test_mounts_do_not_hide_each_other(name: str) -> None:
    """Each target is mounted once; memory is bounded, and nothing but /tmp."""
    found = mounts(services()[name])
    targets = [mount.target for mount in found]
    assert len(targets) == len(set(targets))
    in_memory = [mount for mount in found if mount.kind == "tmpfs"]
    assert [mount.target for mount in in_memory] == ["/tmp"]  # noqa: S108  # of the container
    assert [mount.source for mount in in_memory] == ["size=64m"]
    folders = [mount.target for mount in found if mount.kind in {"volume", "tmpfs"}]
    assert not any(a != b and a.startswith(f"{b}/") for a in folders for b in folders)


def test_volumes_have_one_owner() -> None:
    """Two gateways which turn over the same file would destroy what the other wrote."""
    found = [m.source for s in services().values() for m in mounts(s) if m.kind == "volume"]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", ["gateway", "engine"])
def test_spooled_uploads_are_on_a_disk(name: str) -> None:
    """Bodies of unknown length go into a volume, not into memory, which /tmp is."""
    folder = image_environment()["TMPDIR"]
    assert [m.kind for m in mounts(services()[name]) if m.target == folder] == ["volume"]
    volumes = [rest.split() for instruction, rest in dockerfile() if instruction == "VOLUME"]
    assert [folder in each for each in volumes] == [True]


def test_memory_is_enough_for_what_is_configured(tmp_path: Path) -> None:
    """Workers, buffers, cache and engine fit, each of them full, with a gibibyte for the rest."""
    settings = _settings(Secrets.made(tmp_path))
    assert settings.engine.workers != "auto", "memory does not grow with the cores"
    assert size(services()["gateway"]["mem_limit"]) >= memory_needed(settings)


def test_redis_has_room_for_what_it_does_beside() -> None:
    """Beyond maxmemory it needs buffers for clients and for what is fragmented."""
    command = services()["redis"]["command"]
    limit = command[command.index("--maxmemory") + 1].removesuffix("b")
    assert size(services()["redis"]["mem_limit"]) >= size(limit) * 3 // 2


@_SERVICES
def test_services_have_time_to_stop(name: str, tmp_path: Path) -> None:
    """Docker waits longer than requests in flight may take; its 10 s are not enough for data."""
    service = services()[name]
    if name == "gateway":
        settings = _settings(Secrets.made(tmp_path))
        assert duration_s(service["stop_grace_period"]) >= settings.shutdown_timeout_s + 20
    elif any(mount.kind == "volume" for mount in mounts(service)):
        assert duration_s(service["stop_grace_period"]) >= 30


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    """With what the container sets, the file is accepted, and secrets are those of the files."""
    secrets = Secrets.made(tmp_path)
    settings = _settings(secrets)
    assert settings.admin.token is not None
    assert settings.admin.token.get_secret_value() == secrets.read("admin-token")
    (pair,) = settings.credentials
    assert pair.secret_key.get_secret_value() == secrets.read("s3-secret-key")
    assert f'"accessKey": "{pair.access_key}"' in secrets.read("seaweedfs-s3.json")
    assert secrets.read("s3-secret-key") in secrets.read("seaweedfs-s3.json")


@_SERVICES
def test_secrets_are_nowhere_but_in_files(name: str) -> None:
    """Neither environment nor command holds one: everybody who may ask Docker could read it."""
    service = services()[name]
    for variable, text in service.get("environment", {}).items():
        if re.search("PASSWORD|TOKEN|SECRET|URL", variable):
            assert variable.endswith("_FILE")
            assert text.startswith(SECRETS)
            assert text.removeprefix(SECRETS) in service["secrets"]
    assert not [word for word in service.get("command", []) if "requirepass" in word]
    used = set(re.findall(f"{SECRETS}([\\w.-]+)", str(service)))
    used |= {"admin-token"} if name == "prometheus" else set()  # in its configuration
    assert used == set(service.get("secrets", []))


def test_the_engine_is_the_one_that_gateways_ask(tmp_path: Path) -> None:
    """Its command is understood, on the port and with the token of the gateway."""
    secrets = Secrets.made(tmp_path)
    options = parser().parse_args(
        [secrets.placed(word) for word in services()["engine"]["command"]]
    )
    remote = _settings(secrets).engine.remote
    assert options.listen.endswith(":9100")
    assert list(remote.urls) == ["http://engine:9100"]
    assert remote.token is not None
    assert options.token_file.read_text() == remote.token.get_secret_value()
    grace_s = duration_s(services()["engine"]["stop_grace_period"])
    assert grace_s >= options.drain_s + 20


def test_nobody_sees_the_dashboard_unasked() -> None:
    """Grafana has a password of its own, a form to enter it, and no anonymous visitors."""
    environment = services()["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert environment["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/grafana-password"
    assert "GF_AUTH_DISABLE_LOGIN_FORM" not in environment


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """They differ from run to run, stay as they are, and only this user enters their folder."""
    first, second = Secrets.made(tmp_path / "a"), Secrets.made(tmp_path / "b")
    names = sorted(project()["secrets"])
    assert sorted(path.name for path in first.folder.iterdir()) == names
    assert first.folder.stat().st_mode & 0o777 == 0o700
    before = {name: first.read(name) for name in names}
    for name in names:
        assert first.file(name).stat().st_mode & 0o777 == 0o444
        assert before[name] != second.read(name)
    Secrets.made(tmp_path / "a")
    assert {name: first.read(name) for name in names} == before


@pytest.mark.parametrize(
    ("lost", "together"),
    [
        ("redis-url", {"redis-url", "redis-users"}),
        ("s3-secret-key", {"s3-secret-key", "seaweedfs-s3.json"}),
        ("admin-token", {"admin-token"}),
    ],
)
def test_a_secret_that_was_deleted_is_made_anew(
    tmp_path: Path, lost: str, together: set[str]
) -> None:
    """Files that hold the same secret change together, and the others not at all."""
    secrets = Secrets.made(tmp_path)
    before = {name: secrets.read(name) for name in project()["secrets"]}
    secrets.file(lost).unlink()
    Secrets.made(tmp_path)
    changed = {name for name in before if secrets.read(name) != before[name]}
    assert changed == together


def test_secrets_stay_out_of_git_and_of_the_image() -> None:
    """They are where git and Docker do not look."""
    folders = {Path(secret["file"]).parts[0] for secret in project()["secrets"].values()}
    assert folders == {".slimgate"}
    assert "/.slimgate/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert ignored[0] == "*"
    assert not [line for line in ignored if line.startswith("!.")]
    assert sys.platform == "win32" or (FOLDER / "secrets.sh").stat().st_mode & 0o100
