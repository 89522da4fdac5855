"""https on the public listener."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Final

import boto3
import pytest
import yaml
from botocore.config import Config

from tests.conftest import Start
from tests.e2e import images
from tests.e2e.operators import probed
from tests.servers.certificates import Pair
from tests.servers.gateway import GatewayProcess, configuration, environment
from tests.servers.server import S3Server, wait_until

_FILE: Final = images.jpeg()


def _port(process: GatewayProcess) -> int:
    return int(process.wait_for("listening")["address"].rpartition(":")[2])


def _shown(
    process: GatewayProcess, pair: Pair, port: int | None = None, **versions: ssl.TLSVersion
) -> bytes:
    """Shake hands, and return the certificate of the gateway."""
    context = ssl.create_default_context(cafile=str(pair.trusted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of old versions, which are the point
        for name, version in versions.items():
            setattr(context, name, version)
    with (
        socket.create_connection(("127.0.0.1", port or _port(process)), 20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        return wrapped.getpeercert(binary_form=True) or b""


@pytest.mark.parametrize("processes", [1, 2])
def test_a_new_certificate_is_shown_without_a_restart(
    moto: S3Server, moto_bucket: str, start: Start, pair: Pair, processes: int
) -> None:
    """A client that checks certificates is served; a new pair is taken, a wrong one is not."""
    config = {**configuration(moto), "processes": processes, "engine": {"workers": processes}}
    process = start({**config, "tls": pair.settings})
    client = boto3.client(
        "s3", "us-east-1", aws_access_key_id=moto.main.access, verify=str(pair.trusted),
        aws_secret_access_key=moto.main.secret, endpoint_url=f"https://localhost:{_port(process)}",
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=_FILE)
    client.put_object(Bucket=moto_bucket, Key="text", Body=b"streamed" * 100_000)
    answer = client.get_object(Bucket=moto_bucket, Key="k.jpg")
    assert "x-slimgate-tier" in answer["ResponseMetadata"]["HTTPHeaders"]
    assert len(answer["Body"].read()) == len(_FILE)
    certificate = pair.renew()
    process.process.send_signal(signal.SIGHUP)
    process.wait_for("certificate reloaded")
    wait_until(lambda: {certificate} == {_shown(process, pair) for _ in range(4)}, "it being shown")
    pair.key.write_text("no key")
    process.wait_for("certificate not reloaded: the old one stays")
    assert certificate == _shown(process, pair)
    client.list_objects_v2(Bucket=moto_bucket)
    client.close()
    assert "PRIVATE" not in json.dumps(process.log)


@pytest.mark.parametrize("processes", [1, 2])
def test_operators_are_served_over_https(
    moto: S3Server, start: Start, pair: Pair, tmp_path: Path, processes: int
) -> None:
    """With ``admin.tls`` they see the same certificate, also when it is new; so does the probe."""
    config = {**configuration(moto), "processes": processes, "engine": {"workers": processes}}
    admin = {"listen": "127.0.0.1:0", "tls": True, "token": "Up-to-no-good-0123456789"}
    process = start({**config, "tls": pair.settings, "admin": admin})
    address = process.wait_for("listening for operators")["address"]
    port = int(address.rpartition(":")[2])
    assert probed(process, address).returncode == 0
    certificate = pair.renew()
    process.process.send_signal(signal.SIGHUP)
    process.wait_for("certificate reloaded")
    wait_until(lambda: certificate == _shown(process, pair, port=port), "it being shown")
    assert probed(process, address).returncode == 0
    with socket.create_connection(("127.0.0.1", port), 20) as plain:
        plain.sendall(b"GET /_slimgate/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not plain.recv(100).startswith(b"HTTP")
    # The probe sends its token to no other server on that port.
    (folder := tmp_path / "other").mkdir()
    other = Pair(folder)
    refused = probed(process, address, SLIMGATE_TLS__CERTIFICATE=str(other.certificate))
    assert (refused.returncode, b"Traceback" in refused.stderr) == (1, False)


def test_old_protocols_are_refused(moto: S3Server, start: Start, pair: Pair) -> None:
    """TLS 1.2 and 1.3 are spoken, TLS 1.1 and plain HTTP are not answered."""
    process = start({**configuration(moto), "tls": pair.settings})
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert _shown(process, pair, minimum_version=version, maximum_version=version)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _shown(process, pair, maximum_version=ssl.TLSVersion.TLSv1_1)
    with socket.create_connection(("127.0.0.1", _port(process)), 20) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not plain.recv(100).startswith(b"HTTP")


def test_it_does_not_start_without_its_certificate(tmp_path: Path, pair: Pair) -> None:
    """A file that is missing is named, with exit code 1."""
    pair.certificate.unlink()
    file = tmp_path / "slimgate.yaml"
    nowhere = configuration(S3Server("http://127.0.0.1:1"))
    file.write_text(yaml.safe_dump({**nowhere, "tls": pair.settings}))
    done = subprocess.run(
        [sys.executable, "-m", "slimgate", "serve", "--config", str(file)],
        capture_output=True, text=True, timeout=60, env=environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "cannot start" in done.stderr
    assert str(pair.certificate) in done.stderr
    assert "Traceback" not in done.stderr
