"""A policy with a fidelity by name: renditions hold it, and every report says so."""

import json
from pathlib import Path

from bench import reference
from tests.conftest import NewBucket, Start
from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration
from tests.servers.server import S3Server, wait_until

_FILE = images.jpeg()


def test_a_fidelity_is_held_and_shown(
    upstream: S3Server, start: Start, new_bucket: NewBucket, tmp_path: Path
) -> None:
    """GET and the ledger name the score of the served file."""
    path, bucket, shadow = tmp_path / "ledger.jsonl", new_bucket("photos"), new_bucket("shadow")
    settings = configuration(upstream, ledger={"path": str(path)})
    for policy in settings["policies"]:
        policy["fidelity"] = "standard"
    process = start(settings)
    with s3_client(upstream.at(process.endpoint)) as s3:
        s3.put_object(Bucket=bucket, Key="a.jpg", Body=_FILE)
        s3.put_object(Bucket=shadow, Key="a.jpg", Body=_FILE)
        got = s3.get_object(Bucket=bucket, Key="a.jpg")
        served = got["Body"].read()
    process.wait_for("would have been optimized", bucket=shadow)
    wait_until(path.exists, "a line in the ledger")
    told = got["ResponseMetadata"]["HTTPHeaders"]
    assert told["x-slimgate-tier"] in {"recode", "downscale"}
    score = reference.ssimulacra2(reference.decoded(_FILE), reference.decoded(served))
    assert score >= float(told["x-slimgate-ssimulacra2"]) >= 70
    (line,) = (json.loads(each) for each in path.read_text("utf-8").splitlines())
    assert line["ssimulacra2"] == float(told["x-slimgate-ssimulacra2"])
    assert line["ssimulacra2_worst"] >= 50
