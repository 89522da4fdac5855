"""A report's figures against what a gateway really stores and serves."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import yaml

from bench import reference
from slimgate.eval.compare import rows
from slimgate.eval.demo import sample_images
from slimgate.eval.demo.servers import BUCKET, demo_policy, running, s3_client

NAMES: Final = ("astronaut.jpg", "coins.jpg", "text.png", "phantom.png")
TIMEOUT_S: Final = 600.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with images in ``in`` and a configuration shared by gateway and report."""
    root = tmp_path_factory.mktemp("served")
    (root / "in").mkdir()
    for recipe in sample_images.chosen(NAMES):
        (root / "in" / recipe.key).write_bytes(sample_images.make(recipe).data)
    policy = {**demo_policy(), "effort": "fast", "limits": {"timeout_s": 300}}
    (root / "policies.yaml").write_text(yaml.safe_dump({"policies": [policy]}))
    return root


@pytest.mark.slow  # optimizes each image twice: for the report and in the gateway
def test_a_gateway_serves_what_a_report_says(folder: Path) -> None:
    """Bytes in the bucket and PSNR of what GET returns, by scikit-image, are those of the CSV."""
    command = [
        sys.executable,
        "-m",
        "slimgate",
        "eval",
        str(folder / "in"),
        "--out",
        str(folder / "out"),
    ]
    subprocess.run([*command, "--policies", str(folder / "policies.yaml")], check=True)
    said = {row.image: row for row in rows.load(folder / "out").of()}
    assert {"recode", "exact"} <= {row.tier for row in said.values()}
    served = _served(folder)
    assert {name: row.stored for name, row in said.items()} == {
        name: stored for name, (stored, _) in served.items()
    }
    assert {name: row.psnr_db for name, row in said.items()} == pytest.approx(
        {name: psnr_db for name, (_, psnr_db) in served.items()}, abs=1e-6
    )


def _served(folder: Path) -> dict[str, tuple[int, float]]:
    """Upload and download every image; return bytes in the bucket and PSNR."""
    policies = yaml.safe_load((folder / "policies.yaml").read_text())["policies"]
    with running(policies=policies, timeout_s=TIMEOUT_S) as server:
        gateway, bucket = s3_client(server.endpoint), s3_client(server.upstream)
        gateway.create_bucket(Bucket=BUCKET)
        found = {}
        for path in sorted((folder / "in").iterdir()):
            there, data = {"Bucket": BUCKET, "Key": path.name}, path.read_bytes()
            gateway.put_object(**there, Body=data)
            served = gateway.get_object(**there)["Body"].read()
            stored = bucket.head_object(**there)["ContentLength"]
            same = served == data
            pair = reference.decoded(data), reference.decoded(served)
            found[path.name] = stored, 99.99 if same else reference.psnr(*pair)
        return found
