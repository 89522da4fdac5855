import copy
import os
import signal
from typing import Any

import pytest

from tests.conftest import NewBucket, Start
from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server

_FILE = images.jpeg()


@pytest.mark.parametrize("kind", ["shadow", "plain"])
def test_images_stay_as_they_are(
    s3: Any, direct: Any, process: GatewayProcess, new_bucket: NewBucket, kind: str
) -> None:
    """Without a policy, and in shadow mode, the bucket holds exactly what was uploaded."""
    bucket = new_bucket(kind)
    said = {"ContentType": "image/jpeg", "Metadata": {"a": "1"}}
    s3.put_object(Bucket=bucket, Key="k", Body=_FILE, **said)
    for client in (s3, direct):
        got = client.get_object(Bucket=bucket, Key="k")
        assert got["Body"].read() == _FILE
        assert said == {name: got[name] for name in said}
    if kind == "shadow":
        line = process.wait_for("would have been optimized", bucket=bucket)
        assert line["stored_bytes"] < line["uploaded_bytes"] == len(_FILE)
    assert direct.get_object(Bucket=bucket, Key="k")["Body"].read() == _FILE


def _optimizes(server: S3Server, bucket: str, key: str) -> bool:
    with s3_client(server) as client:
        client.put_object(Bucket=bucket, Key=key, Body=_FILE)
        head = client.head_object(Bucket=bucket, Key=key)
    return "x-slimgate-tier" in head["ResponseMetadata"]["HTTPHeaders"]


def _off(config: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(config)
    changed["policies"][0] |= {"name": "changed", "mode": "off"}
    return changed


def test_objects_outlive_their_policy(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """A managed object is restored by a gateway whose policies do not name its bucket."""
    config = configuration(moto)
    gateway = moto.at(start(config).endpoint)
    assert _optimizes(gateway, moto_bucket, "k")
    other = moto.at(start({**config, "policies": []}).endpoint)
    files = []
    for server in (gateway, other):
        with s3_client(server) as client:
            files.append(client.get_object(Bucket=moto_bucket, Key="k")["Body"].read())
    assert len(files[0]) == len(_FILE)
    assert files[0] == files[1] != _FILE
    assert not _optimizes(other, moto_bucket, "new")


@pytest.mark.parametrize("hang_up", [True, False], ids=["SIGHUP", "changed file"])
def test_policies_are_reloaded(
    moto: S3Server, moto_bucket: str, start: Start, hang_up: bool
) -> None:
    """A signal, or the changed file alone, brings new policies to a running gateway."""
    config = configuration(moto)
    process = start(config)
    gateway = moto.at(process.endpoint)
    assert _optimizes(gateway, moto_bucket, "before")
    process.configure(_off(config))
    if hang_up:
        os.kill(process.process.pid, signal.SIGHUP)
    assert process.wait_for("policies reloaded")["policies"] == ["changed", "shadow", "pages"]
    assert not _optimizes(gateway, moto_bucket, "after")


def test_an_invalid_file_changes_nothing(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """An invalid new configuration is logged with line and reason, and the old one stays."""
    config = configuration(moto)
    process = start(config)
    gateway = moto.at(process.endpoint)
    broken = _off(config)
    broken["policies"][0]["floor"] = {"psnr": 34}
    process.configure(broken)
    os.kill(process.process.pid, signal.SIGHUP)
    line = process.wait_for("configuration not reloaded: the old policies stay")
    assert f"{process.file}:" in line["problems"]
    assert "did you mean 'psnr_db'?" in line["problems"]
    assert "main-secret" not in line["problems"]
    assert _optimizes(gateway, moto_bucket, "k")
    process.configure(_off(config))
    process.wait_for("policies reloaded")
    assert not _optimizes(gateway, moto_bucket, "k")
