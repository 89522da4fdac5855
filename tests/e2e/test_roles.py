"""Gateways without keys of their own: roles, credentials that expire, and session tokens."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
import requests
from botocore.exceptions import ClientError

from tests.e2e import images, wire
from tests.e2e.operators import asked, counted, counts
from tests.servers.clients import failure, s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.roles import ROLE, RoleStore, role_store
from tests.servers.server import Keys, S3Server, wait_until

_FILE: Final = images.jpeg()
_SECRET: Final = "very-secret"
_APP: Final = Keys("app", _SECRET)
_TEMPORARY: Final = ("temporary", "temporary-secret", "temporary-token")
_OTHER_ROLE: Final = "arn:aws:iam::123456789012:role/other"

Run = Callable[..., GatewayProcess]
"""Starts a gateway; its arguments are sections of the configuration."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a web token."""
    made = tmp_path_factory.mktemp("roles")
    (made / "web-token").write_text("web-token")
    return made


@pytest.fixture(scope="module")
def store(moto: S3Server) -> Iterator[RoleStore]:
    """Run a store that knows roles."""
    with role_store(moto) as (running, _):
        yield running


@pytest.fixture
def roles(store: RoleStore) -> Iterator[RoleStore]:
    """Return the store as it is at first."""
    store.refusals.clear()
    yield store
    store.works, store.permits = True, lambda *_: True


def _role(folder: Path, arn: str = ROLE) -> dict[str, Any]:
    return {"role_arn": arn, "web_identity_token_file": str(folder / "web-token")}


@pytest.fixture(scope="module")
def run(store: RoleStore, moto: S3Server, folder: Path) -> Iterator[Run]:
    """Start gateways whose client has the role."""
    with ExitStack() as stack:

        def start(environ: Mapping[str, str] = {}, **changes: Any) -> GatewayProcess:
            client = {"access_key": _APP.access, "secret_key": _APP.secret}
            upstream = {"endpoint": store.endpoint, "sts_endpoint": store.endpoint}
            access_key, secret_key, token = _TEMPORARY
            other = {"access_key": access_key, "secret_key": secret_key, "session_token": token}
            clients = [{**client, "upstream": _role(folder)}, other]
            own = {"credentials": clients, "upstream": upstream}
            config = {**configuration(moto), **own, "engine": {"workers": 1}, **changes}
            file = folder / uuid.uuid4().hex
            file.mkdir()
            return stack.enter_context(GatewayProcess(config, file, environ=environ))

        yield start


@pytest.fixture(scope="module")
def process(run: Run) -> GatewayProcess:
    """Run a gateway with the role."""
    return run()


def _server(process: GatewayProcess, keys: Keys = _APP) -> S3Server:
    return S3Server(process.endpoint, (keys,))


@contextmanager
def _client(process: GatewayProcess, keys: Keys = _APP, bucket: str = "") -> Iterator[Any]:
    """Return a client, and make a bucket with it if named."""
    with s3_client(_server(process, keys)) as client:
        if bucket:
            client.create_bucket(Bucket=bucket)
        yield client


def _code(call: Callable[..., Any], **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return failure(caught.value)


def _name(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex}"


def test_a_role_signs_all_requests(process: GatewayProcess, roles: RoleStore) -> None:
    """Images and other objects go and come with the role's credentials, obtained once."""
    bucket = _name("photos")
    with _client(process, bucket=bucket) as client:
        for key, data in (("k.jpg", _FILE), ("k.bin", b"data" * 100_000)):
            client.put_object(Bucket=bucket, Key=key, Body=data)
            assert len(client.get_object(Bucket=bucket, Key=key)["Body"].read()) == len(data)
        listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    assert [(each["Key"], each["Size"]) for each in listed] == [
        ("k.bin", 400_000), ("k.jpg", len(_FILE)),
    ]  # fmt: skip
    assert [each.role for each in roles.issued.values()] == [ROLE]
    assert roles.refusals == []


def test_credentials_expire_in_the_middle_of_a_transfer(
    process: GatewayProcess, roles: RoleStore
) -> None:
    """The transfer goes on; the next request, and one that the store rejects, get other ones."""
    bucket, before = _name("plain"), len(roles.issued)
    server, path = _server(process), f"/{bucket}/k"
    half = b"half" * (1 << 16)

    def body() -> Iterator[bytes]:
        yield half
        wait_until(lambda: ("PUT", path) in roles.checked, "the upload to the store")
        roles.revoke_all()
        yield half

    with _client(process, bucket=bucket) as client:
        # Credentials that were obtained within the last second are not renewed.
        young = min(each.expires for each in roles.issued.values()) - roles.lifetime_s + 2
        wait_until(lambda: time.time() > young, "the credentials' second second")
        headers = wire.signed(server, "PUT", path, {"Content-Length": str(2 * len(half))})
        assert wire.send(server, "PUT", path, headers, body()).status == 200
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == half + half
    assert roles.refusals == ["ExpiredToken"]
    assert len(roles.issued) == before + 1


def test_without_credentials_requests_wait_for_better_times(run: Run, roles: RoleStore) -> None:
    """Clients get 503 with Retry-After, nothing goes to the store, and the gateway is not ready."""
    roles.works = False
    process = run(admin={"listen": "127.0.0.1:0", "token": None})
    server, path = _server(process), f"/{_name('plain')}/k"
    answer = wire.send(server, "GET", path, wire.signed(server, "GET", path))
    assert (answer.failure, answer.headers["Retry-After"]) == ((503, "ServiceUnavailable"), "5")
    assert asked(process, "/_slimgate/readyz") == (
        503, "upstream credentials cannot be obtained: see the log\n",
    )  # fmt: skip
    failed = process.wait_for("upstream credentials not obtained")
    assert failed["reason"].startswith(f"role {ROLE}: could not be assumed: ServiceUnavailable")
    assert path not in [seen for _, seen in roles.checked]
    roles.works = True
    wait_until(lambda: asked(process, "/_slimgate/readyz")[0] == 200, "readiness")
    found = counts(process)
    labels = {"source": f"role {ROLE}"}
    name = "upstream_credentials_refreshes_total"
    assert counted(found, name, **labels, outcome="failed") >= 1
    assert counted(found, name, **labels, outcome="ok") == 1
    (*_, issued) = roles.issued.values()
    expiry = "upstream_credentials_expiry_timestamp_seconds"
    assert counted(found, expiry, **labels) == issued.expires


@pytest.fixture(scope="module")
def divided(run: Run, folder: Path) -> tuple[GatewayProcess, str]:
    """Run a gateway whose objects below ``in/`` and ``out/`` have other roles than the rest."""
    bucket = _name("photos")
    policies = [
        {"name": name, "bucket": bucket, "prefix": f"{name}/", "mode": "optimize",
         "anonymous": True,
         "effort": "fast", "upstream": _role(folder, f"{_OTHER_ROLE}-{name}")}
        for name in ("in", "out")
    ]  # fmt: skip
    running = run(policies=policies)
    with _client(running, bucket=bucket):
        return running, bucket


@pytest.fixture
def two_roles(
    divided: tuple[GatewayProcess, str], roles: RoleStore
) -> Iterator[tuple[Any, str, str]]:
    """Return a client of that gateway, its bucket and the path of that."""
    running, bucket = divided
    roles.permits = lambda role, _, path: _permitted(role, path.removeprefix(f"/{bucket}/"))
    with _client(running) as client:
        yield client, bucket, f"/{bucket}"


def _permitted(role: str, key: str) -> bool:
    """Let each role do what it is for; that of ``out/`` may also read and write everything."""
    return role.endswith("-out") or key.startswith("in/") == role.endswith("-in")


def test_policies_have_roles_of_their_own(
    two_roles: tuple[Any, str, str], roles: RoleStore
) -> None:
    """Each object is signed for as its policy says, and a cached file is no way around it."""
    client, bucket, _ = two_roles
    for key in ("in/k.jpg", "out/k.jpg", "k.jpg"):
        client.put_object(Bucket=bucket, Key=key, Body=_FILE)
        client.get_object(Bucket=bucket, Key=key)
    assert {each.role for each in roles.issued.values()} == {
        ROLE, f"{_OTHER_ROLE}-in", f"{_OTHER_ROLE}-out",
    }  # fmt: skip
    assert roles.refusals == []
    cached = client.get_object(Bucket=bucket, Key="in/k.jpg")
    assert cached["ResponseMetadata"]["HTTPHeaders"]["x-slimgate-cache"] == "hit"
    roles.permits = lambda role, *_: not role.endswith("-in")
    assert _code(client.get_object, Bucket=bucket, Key="in/k.jpg") == (403, "AccessDenied")
    client.list_objects_v2(Bucket=bucket, Prefix="out/")
    assert _code(client.list_objects_v2, Bucket=bucket, Prefix="in/") == (403, "AccessDenied")


def test_a_copy_needs_the_rights_of_its_source(
    two_roles: tuple[Any, str, str], roles: RoleStore
) -> None:
    """The role of the destination cannot copy what the role of the source may not read."""
    client, bucket, _ = two_roles
    for key, data in (("in/k.jpg", _FILE), ("in/k.bin", b"data"), ("k.bin", b"data")):
        client.put_object(Bucket=bucket, Key=key, Body=data)
        source = {"Bucket": bucket, "Key": key}
        client.copy_object(Bucket=bucket, Key="out/copy", CopySource=source)
        assert client.get_object(Bucket=bucket, Key="out/copy")["ContentLength"] == len(data)
    roles.permits = lambda role, *_: role.endswith("-out")
    for key in ("in/k.jpg", "in/k.bin", "k.bin"):
        source = {"Bucket": bucket, "Key": key}
        code = _code(client.copy_object, Bucket=bucket, Key="out/copy", CopySource=source)
        assert code == (403, "AccessDenied")
    source = {"Bucket": bucket, "Key": "out/copy"}
    client.copy_object(Bucket=bucket, Key="out/again", CopySource=source)


def test_keys_are_deleted_with_their_own_role(
    two_roles: tuple[Any, str, str], roles: RoleStore
) -> None:
    """DeleteObjects has one signature: keys of different roles are refused, nothing is deleted."""
    client, bucket, path = two_roles
    for key in ("in/a", "in/b", "out/a", "a"):
        client.put_object(Bucket=bucket, Key=key, Body=b"data")

    def delete(*keys: str) -> Any:
        listed = {"Objects": [{"Key": key} for key in keys]}
        return client.delete_objects(Bucket=bucket, Delete=listed)

    with pytest.raises(ClientError, match="delete them separately"):
        delete("out/a", "in/a")
    assert ("POST", path) not in roles.checked
    roles.permits = lambda role, *_: role.endswith("-in")
    assert len(delete("in/a", "in/b")["Deleted"]) == 2
    with pytest.raises(ClientError, match="AccessDenied"):
        delete("a")


def test_anonymous_requests_stay_anonymous(
    two_roles: tuple[Any, str, str], roles: RoleStore
) -> None:
    """No role signs what no client has signed."""
    client, bucket, _ = two_roles
    client.put_object(Bucket=bucket, Key="in/k", Body=b"data")
    judged: list[str] = []

    def judge(role: str, *_: str) -> bool:
        judged.append(role)
        return True

    roles.permits = judge
    url = f"{client.meta.endpoint_url}/{bucket}/in/k"
    assert requests.get(url, timeout=20).status_code == 403
    assert ("GET", f"/{bucket}/in/k") in roles.checked
    assert judged == []


_ONE: Final = Keys("one", "secret-of-one")
_TWO: Final = Keys("two", "secret-of-two")
_AWS_SECRET: Final = "aws-secret"


@pytest.fixture(scope="module")
def keys_file(folder: Path) -> Path:
    """Write a credentials file with one client."""
    file = folder / "keys.json"
    _write(file, _ONE)
    return file


def _write(file: Path, *clients: Keys) -> None:
    upstream = {"access_key": "main", "secret_key": "main-secret"}
    rows = [
        {"access_key": each.access, "secret_key": each.secret, "upstream": upstream}
        for each in clients
    ]
    new = file.with_suffix(".new")
    new.write_text(json.dumps(rows))
    new.replace(file)


@pytest.fixture(scope="module")
def supervised(run: Run, keys_file: Path) -> GatewayProcess:
    """Run two processes with secrets in their environment, and a credentials file."""
    environ = {
        "SLIMGATE_CREDENTIALS__0__SECRET_KEY": _SECRET,
        "AWS_SECRET_ACCESS_KEY": _AWS_SECRET,
        "AWS_ACCESS_KEY_ID": "main",
    }
    file = str(keys_file)
    return run(environ, processes=2, engine={"workers": 2}, credentials_file=file)


def test_no_secret_is_on_a_process_list(supervised: GatewayProcess, roles: RoleStore) -> None:
    """Children are told what they need through pipes; what they do not need they do not get."""
    bucket = _name("photos")
    with _client(supervised, bucket=bucket) as client:
        client.put_object(Bucket=bucket, Key="k.jpg", Body=_FILE)
    secrets = {_SECRET, _AWS_SECRET, _ONE.secret, *(e.secret_key for e in roles.issued.values())}
    children = supervised.children()
    names = {word for each in children for word in each.cmdline()}
    gateway, engine = "slimgate.gateway.runtime.gateway_process", "slimgate.models.engine.service"
    assert {gateway, engine} <= names
    for each in (psutil.Process(supervised.process.pid), *children):
        assert not [s for s in secrets if s in " ".join(each.cmdline())]
    for each in children:
        shown = Path(f"/proc/{each.pid}/environ").read_bytes().decode()
        # Gateways assume roles with the default chain.
        needed = {_AWS_SECRET} if gateway in each.cmdline() else set()
        assert {s for s in secrets if s in shown} == needed, each.cmdline()


def test_the_credentials_file_is_reloaded(supervised: GatewayProcess, keys_file: Path) -> None:
    """Keys come and go with the file; an invalid one changes nothing, and no secret is logged."""
    bucket = _name("plain")

    def works(keys: Keys) -> bool:
        server = _server(supervised, keys)
        answer = wire.send(server, "GET", f"/{bucket}", wire.signed(server, "GET", f"/{bucket}"))
        assert answer.failure in {(200, ""), (403, "InvalidAccessKeyId")}
        return answer.status == 200

    with _client(supervised, _ONE, bucket):
        assert not works(_TWO)
    _write(keys_file, _TWO)
    wait_until(lambda: len(supervised.events("credentials file reloaded")) == 2, "the reload")
    assert (works(_ONE), works(_TWO)) == (False, True)
    keys_file.write_text("secret-of-nobody")
    supervised.wait_for("credentials file not reloaded: the old credentials stay")
    assert works(_TWO)
    assert "secret-of" not in json.dumps(supervised.log)


def test_tokens_of_the_gateway(process: GatewayProcess) -> None:
    """Issued credentials do what their owner may, in headers, URLs and forms, until they expire."""
    bucket = _name("plain")
    words = ["token", "--config", str(process.file), "--access-key", _APP.access]
    printed = subprocess.run(
        [sys.executable, "-m", "slimgate", *words], check=True, capture_output=True
    )
    issued = json.loads(printed.stdout)
    keys = Keys(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])
    server, path = _server(process, keys), f"/{bucket}/k"
    with _client(process, keys, bucket) as client:
        client.put_object(Bucket=bucket, Key="k", Body=b"data")
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"data"
        form = client.generate_presigned_post(bucket, "k.jpg")
        sent = requests.post(form["url"], form["fields"], files={"file": _FILE}, timeout=20)
        assert sent.status_code == 204
        form["fields"]["x-amz-security-token"] = issued["SessionToken"][:-8] + "AAAAAAA="
        sent = requests.post(form["url"], form["fields"], files={"file": _FILE}, timeout=20)
        assert (sent.status_code, b"<Code>InvalidToken</Code>" in sent.content) == (400, True)
    url = wire.presigned(server, path, keys=keys)
    assert wire.send(server, "GET", url, {"Host": server.host}).body == b"data"
    wrong = replace(keys, token=keys.token and keys.token[:-8] + "AAAAAAA=")
    for by, code in (
        (wrong, (400, "InvalidToken")),
        (replace(_APP, token=keys.token), (400, "InvalidToken")),
        (replace(keys, token=None), (403, "InvalidAccessKeyId")),
    ):
        headers = wire.signed(server, "GET", path, keys=by)
        assert wire.send(server, "GET", path, headers).failure == code


def test_a_clients_token_is_passed_on(process: GatewayProcess, roles: RoleStore) -> None:
    """Where the client's temporary pair signs for the store, its token goes along."""
    issued = roles.keep(ROLE, *_TEMPORARY)
    bucket, keys = _name("plain"), Keys(*_TEMPORARY)
    with _client(process, keys, bucket) as client:
        client.put_object(Bucket=bucket, Key="k", Body=b"data")
        roles.issued[issued.access_key] = replace(issued, expires=time.time())
        assert _code(client.get_object, Bucket=bucket, Key="k") == (400, "ExpiredToken")
    server, path = _server(process), f"/{bucket}/k"
    headers = wire.signed(server, "GET", path, keys=replace(keys, token="other"))
    assert wire.send(server, "GET", path, headers).failure == (400, "InvalidToken")
