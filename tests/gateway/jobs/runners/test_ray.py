import asyncio
import pickle
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from slimgate import models
from slimgate.config import Cache, Settings
from slimgate.gateway.jobs.actions import Action
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.arguments import parser
from slimgate.gateway.jobs.halt import Halt
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.jobs.run_command import run as run_command
from slimgate.gateway.jobs.runners import ray
from slimgate.gateway.jobs.runners.shard_actor import Sent, ShardActor
from slimgate.gateway.jobs.state.rounds import RoundSpec
from slimgate.gateway.jobs.terms import Unwatched
from slimgate.gateway.jobs.worker import RunSpec
from tests.servers.gateway import environment
from tests.servers.server import free_port

_SECRETS = ("first-secret", "second-secret", "admin-token", "redis-password", "k" * 40)


def _settings() -> Settings:
    return Settings.model_validate(
        {
            "upstream": {"endpoint": "http://127.0.0.1:1"},
            "credentials": [
                {"access_key": "first", "secret_key": _SECRETS[0]},
                {"access_key": "second", "secret_key": _SECRETS[1]},
            ],
            "admin": {"listen": "127.0.0.1:0", "token": _SECRETS[2]},
            "cache": {"redis": {"url": f"redis://:{_SECRETS[3]}@127.0.0.1"}},
            "manifests": {"keys": [_SECRETS[4]]},
        },
        context={"known_restorers": models.NAMES},
    )


def _spec() -> RunSpec:
    return RunSpec(
        Place("jobs", "j1"), "photos", Action("optimize"), RoundSpec(0, 1, 1), access_key="second"
    )


def test_actors_get_no_other_secrets_than_theirs() -> None:
    """What is sent holds the keys of the job, of Redis and of manifests, and shows none."""
    sent = Sent.of(_settings(), _spec())
    raw = pickle.dumps(sent)
    needed = [_SECRETS[1], _SECRETS[3], _SECRETS[4]]
    assert [secret for secret in _SECRETS if secret.encode() in raw] == needed
    assert [secret for secret in _SECRETS if secret in repr(sent)] == []
    assert pickle.loads(raw) == sent  # noqa: S301  # our own


@pytest.mark.parametrize(("access_key", "file"), [("second", None), ("other", "keys.json")])
def test_actors_read_the_credentials_file_only_for_a_key_in_it(
    access_key: str, file: str | None
) -> None:
    """Nodes need no such file for a key of the configuration itself."""
    settings = _settings().model_copy(update={"credentials_file": "keys.json"})
    sent = Sent.of(settings, replace(_spec(), access_key=access_key))
    assert sent.settings.credentials_file == file


def test_an_actor_takes_one_cpu() -> None:
    """It has one process for images, and the engine one thread."""
    sent = Sent.of(_settings(), _spec())
    assert (sent.spec.jobs, sent.settings.engine.threads) == (1, 1)


def test_an_actor_with_other_packages_refuses_to_work() -> None:
    """Renditions are never made by other versions than the driver has."""
    sent = Sent.of(_settings(), _spec())
    other = Sent(sent.settings, sent.spec, sent.digests.model_copy(update={"packages": "other"}))
    with pytest.raises(UsageError, match="has other packages than the driver"):
        asyncio.run(ShardActor(other).ready())


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names what to install."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"slimgate\[ray\]"):
        asyncio.run(ray.run(_settings(), _spec(), Unwatched(), Halt()))


def test_without_a_cluster() -> None:
    """An address where nothing answers is refused at once."""
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(UsageError, match=f"no Ray cluster answers at {address}"):
        asyncio.run(ray.run(_settings(), _spec(), Unwatched(), Halt(), address=address))


@pytest.mark.parametrize(
    ("runner", "option"),
    [("local", "--workers"), ("local", "--ray-address"), ("ray", "--jobs"), ("ray", "--limit")],
)
def test_options_of_the_other_runner(runner: str, option: str) -> None:
    """They are refused before anything is opened."""
    words = ["job", "run", "s3://jobs/j1", "--do", "verify", "--runner", runner, option, "2"]
    with pytest.raises(UsageError, match=f"{option} does not go with --runner {runner}"):
        asyncio.run(run_command(parser().parse_args(words)))


def test_an_index_on_many_machines_needs_redis() -> None:
    """Each worker would fill a file of its own node, which no gateway reads."""
    settings = _settings().model_copy(update={"cache": Cache()})
    spec = replace(_spec(), action=Action("index"))
    with pytest.raises(UsageError, match=r"needs cache\.redis"):
        asyncio.run(ray.run(settings, spec, Unwatched(), Halt()))


_PATHS = """
import importlib, os
from slimgate.gateway.jobs.runners import ray as runner

ray = importlib.import_module("ray")
with runner._connected(ray, "local"):
    @ray.remote(num_cpus=1)
    def path():
        import sys
        return sys.path
    print(os.getcwd() in ray.get(path.remote()))
"""


@pytest.mark.slow  # starts a cluster: 8 s
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_workers_do_not_import_from_the_working_directory(tmp_path: Path) -> None:
    """What lies where the command is started is not on the path of Ray's workers."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _PATHS],
        cwd=tmp_path,
        env={**environment(), "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
