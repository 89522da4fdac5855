import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from PIL import Image

from slimgate import models
from slimgate.codec.manifest import Manifest, loads
from tests.conftest import Start
from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration, environment
from tests.servers.server import S3Server

_FLOOR = {"psnr_db": 20, "ssim": 0.5, "orb": None, "block_psnr_db": None}


def _halved(upstream: S3Server, restorer: str = "native") -> dict[str, Any]:
    """Make a configuration under which images are stored at half their size."""
    policy = {"name": "photos", "bucket": "photos*", "mode": "optimize", "effort": "fast"}
    small = {"tiers": ["downscale"], "scales": [2], "restorer": restorer, "floor": _FLOOR}
    return configuration(upstream, policies=[policy | small], engine={"workers": 1})


def _engine(process: GatewayProcess) -> psutil.Process:
    (engine,) = (
        child for child in process.children() if "slimgate.models.engine.service" in child.cmdline()
    )
    return engine


def _manifest(store: S3Server, bucket: str, key: str) -> Manifest:
    with s3_client(store) as direct:
        return loads(direct.head_object(Bucket=bucket, Key=key)["Metadata"]["slimgate"])


@pytest.mark.parametrize("restorer", ["native", "native-x2-1"])
def test_networks_restore_to_the_same_bytes(
    moto: S3Server, moto_bucket: str, start: Start, restorer: str
) -> None:
    """What was stored at half its size comes back by its network, though there be a newer one."""
    upload = images.jpeg(640, 480)
    process = start(_halved(moto, restorer))
    with s3_client(moto.at(process.endpoint)) as s3:
        s3.put_object(Bucket=moto_bucket, Key="image", Body=upload)
        first = s3.get_object(Bucket=moto_bucket, Key="image")["Body"].read()
    stored = _manifest(moto, moto_bucket, "image").stored
    network = models.chosen(restorer)[2]
    assert (stored.tier, stored.scale, stored.restorer) == ("downscale", 2, network)
    other = start(_halved(moto))
    with s3_client(moto.at(other.endpoint)) as s3:
        assert first == s3.get_object(Bucket=moto_bucket, Key="image")["Body"].read()
    before, after = (np.asarray(Image.open(io.BytesIO(data)), float) for data in (upload, first))
    assert before.shape == after.shape
    assert 10 * np.log10(255**2 / np.mean((before - after) ** 2)) >= _FLOOR["psnr_db"]


@pytest.mark.crash
def test_a_lost_engine_is_replaced(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """After the engine dies, requests are retried and succeed with its replacement."""
    process = start(_halved(moto) | {"cache": {"max_bytes": 0}})
    # Ten attempts, as SDKs are told to make where 503 is to be expected.
    retries = {"total_max_attempts": 10, "mode": "standard"}
    with s3_client(moto.at(process.endpoint), retries=retries) as s3:
        s3.put_object(Bucket=moto_bucket, Key="image", Body=images.jpeg(640, 480))
        before = s3.get_object(Bucket=moto_bucket, Key="image")["Body"].read()
        lost = _engine(process)
        lost.kill()
        process.wait_for("engine process lost")
        assert before == s3.get_object(Bucket=moto_bucket, Key="image")["Body"].read()
        assert lost.pid != _engine(process).pid


def test_a_network_that_cannot_run_is_refused_at_the_start(moto: S3Server, tmp_path: Path) -> None:
    """A policy whose checkpoint is not there keeps the gateway from starting, and says why."""
    policy = {"name": "photos", "bucket": "photos*", "mode": "optimize"}
    config = configuration(moto, policies=[policy | {"restorer": "real-esrgan-x2plus"}])
    file = tmp_path / "slimgate.yaml"
    file.write_text(yaml.safe_dump(config))
    ended = subprocess.run(
        [sys.executable, "-m", "slimgate", "serve", "--config", file],
        env=environment() | {"XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert b"slimgate models fetch real-esrgan-x2plus" in ended.stderr or (
        b"install 'slimgate[gpu]'" in ended.stderr
    )
