"""What a gateway says of itself to load balancers and people."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from slimgate.config import Policies, Policy, RedisCacheSettings
from slimgate.gateway.admin.app import Readiness
from slimgate.gateway.cache.peers import Peers
from slimgate.gateway.cache.redis_client import RedisConnection
from slimgate.gateway.runtime.app import create_app
from slimgate.gateway.runtime.parts import PARTS
from tests.config.builders import settings
from tests.servers.redis import RedisServer, missing


@pytest.mark.skipif(missing(), reason="redis-server is not installed")
async def test_a_difference_of_policies_is_a_warning(tmp_path: Path) -> None:
    """A gateway whose policies differ stays ready, and says what to do."""
    policies = (
        Policies((Policy(name="p", bucket="photos", mode=mode),)) for mode in ("optimize", "shadow")
    )
    with RedisServer(tmp_path) as server:
        redis = RedisCacheSettings.model_validate(
            {"url": SecretStr(server.url), "timeout_ms": 5000.0}
        )
        one, other = (Peers(RedisConnection(redis), "store", each) for each in policies)
        parts = create_app(settings(), engine=tmp_path / "nobody")[PARTS]
        readiness = Readiness(
            parts.storage.upstream, parts.callers.registry, parts.limits.in_flight, one
        )
        async with other:
            for _ in range(4):
                await other.look()
                await one.look()
            assert readiness.text.startswith("ready\nwarning: policies differ among gateways")
        for _ in range(2):
            await one.look()
        assert readiness.text == "ready\n"
        await one.__aexit__()
