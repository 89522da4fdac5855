import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests import tiers
from tests.servers.browser import Browser, chromium
from tests.servers.browser import missing_programs as missing_of_browser
from tests.servers.ceph import missing_programs, rgw_server
from tests.servers.certificates import Pair
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.moto import moto_server
from tests.servers.server import S3Server

# How long an example takes says how busy the machine is: without deadlines. ``make test-all`` and
# ``make coverage`` choose "full", with as many examples as hypothesis thinks right.
_full = hypothesis.settings(deadline=None)
hypothesis.settings.register_profile("full", parent=_full)
hypothesis.settings.register_profile("quick", parent=_full, max_examples=20)
hypothesis.settings.load_profile("quick")

_numbers = itertools.count(1)

NewBucket = Callable[[str], str]
"""Makes a bucket; the argument is how its name begins."""

Start = Callable[[Mapping[str, Any]], GatewayProcess]
"""Starts a gateway with this configuration."""

_running = pytest.StashKey[pytest.Item]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests into their tiers, before ``-m`` chooses among them."""
    tiers.mark(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember which test runs: fixtures of the session do not know."""
    item.session.stash[_running] = item


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Run an imitation of S3."""
    with moto_server(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def rgw(request: pytest.FixtureRequest) -> Iterator[S3Server]:
    """Run a real S3 server, where it is installed."""
    tiers.check_marker("ceph", request.session.stash[_running])
    missing = missing_programs()
    if missing:
        pytest.skip(f"Ceph RGW is not installed: {', '.join(missing)} missing")
    # Not under pytest's folder: the path of a Unix socket may have 107 characters.
    directory = Path(tempfile.mkdtemp(prefix="rgw-"))
    try:
        with rgw_server(directory) as server:
            yield server
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def chromium_process(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """Run a browser, where it is installed."""
    tiers.check_marker("browser", request.session.stash[_running])
    missing = missing_of_browser()
    if missing:
        pytest.skip(f"no browser: {', '.join(missing)} missing (Debian: chromium, chromium-driver)")
    with chromium(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture
def browser(chromium_process: Browser) -> Browser:
    """Return the browser as it is on a desk: 1280 pixels wide, light."""
    chromium_process.look()
    return chromium_process


@pytest.fixture(scope="session", params=["moto", "rgw"])
def upstream(request: pytest.FixtureRequest) -> S3Server:
    """Return each of the servers behind the gateway in turn."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start gateways that stay to the end of the session, each configuration once.

    What depends on ``upstream`` ends with each of its parameters, twice in every test file.
    """
    started: dict[str, GatewayProcess] = {}
    with ExitStack() as stack:

        def start(config: Mapping[str, Any]) -> GatewayProcess:
            key = json.dumps(config, sort_keys=True)
            if key not in started:
                process = GatewayProcess(config, tmp_path_factory.mktemp("shared"))
                started[key] = stack.enter_context(process)
            return started[key]

        yield start


@pytest.fixture(scope="session")
def process(upstream: S3Server, shared: Start) -> GatewayProcess:
    """Run a gateway in front of the upstream."""
    return shared(configuration(upstream))


@pytest.fixture(scope="session")
def gateway(process: GatewayProcess, upstream: S3Server) -> S3Server:
    """Return the gateway as what it looks like: an S3 server."""
    return upstream.at(process.endpoint)


@pytest.fixture(scope="session")
def s3(gateway: S3Server) -> Iterator[Any]:
    """Talk to the gateway."""
    with s3_client(gateway) as client:
        yield client


@pytest.fixture(scope="session")
def direct(upstream: S3Server) -> Iterator[Any]:
    """Talk to the server behind the gateway."""
    with s3_client(upstream) as client:
        yield client


@pytest.fixture(scope="session")
def forgetful(upstream: S3Server, shared: Start) -> S3Server:
    """Run a gateway that remembers next to nothing: every object is new to it."""
    config = configuration(
        upstream,
        cache={"max_bytes": 0},
        index={"kind": "memory", "entries": 1},
        engine={"workers": 1},
    )
    return upstream.at(shared(config).endpoint)


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start gateways of the test's own; they end with it."""
    with ExitStack() as stack:
        yield lambda config: stack.enter_context(
            GatewayProcess(config, tmp_path_factory.mktemp("own"))
        )


@pytest.fixture
def moto_bucket(moto: S3Server) -> str:
    """Make a bucket in moto whose images are stored small."""
    name = f"photos-own-{next(_numbers)}"
    with s3_client(moto) as client:
        client.create_bucket(Bucket=name)
    return name


@pytest.fixture
def new_bucket(direct: Any) -> NewBucket:
    """Make fresh buckets."""

    def make(prefix: str) -> str:
        name = f"{prefix}-{next(_numbers)}"
        direct.create_bucket(Bucket=name)
        return name

    return make


@pytest.fixture
def photos(new_bucket: NewBucket) -> str:
    """Make a bucket whose images are stored small."""
    return new_bucket("photos")


@pytest.fixture
def plain(new_bucket: NewBucket) -> str:
    """Make a bucket that no policy names."""
    return new_bucket("plain")


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Make a certificate that tests can check."""
    return Pair(tmp_path)
