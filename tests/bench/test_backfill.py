"""The costs of a large job in the documents, and the requests that they count."""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from multidict import CIMultiDict

from bench import backfill, backfill_hours
from bench.backfill import MEASURED, READS, WRITES, Measured
from slimgate.config import Manifests as ManifestSettings
from slimgate.config import Policies, Policy
from slimgate.gateway.jobs.attempts import Work
from slimgate.gateway.jobs.optimize import Optimizer
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.jobs.verify import Verifier
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import Request
from tests.gateway.instant_workers import IMAGE, InstantWorkers
from tests.memory_store.store import MemoryStore

_DOCUMENT: Final = Path(__file__).parents[2] / "docs/jobs.md"
_PUT: Final = {"Content-Type": "image/png"}


def test_the_table_in_the_documents_is_computed() -> None:
    """docs/jobs.md has what the program prints."""
    table = backfill.table(Measured.model_validate_json(MEASURED.read_text()))
    assert table in _DOCUMENT.read_text()


def test_the_hours_in_the_documents_are_computed() -> None:
    """docs/sizing.md has what the program prints for 50 TB."""
    hours = backfill_hours.table(Measured.model_validate_json(MEASURED.read_text()), 50)
    assert hours in _DOCUMENT.with_name("sizing.md").read_text()


@pytest.mark.parametrize("name", ["optimize", "verify"])
async def test_requests_per_object(name: str) -> None:
    """Jobs send as many requests per object as the table counts."""
    memory = MemoryStore()
    client = memory.client()
    tools = Tools(
        Policies((Policy(name="p", bucket="photos", mode="optimize"),)),
        client,
        Seals(ManifestSettings()),
        InstantWorkers(),
        1,
    )
    key = Request("PUT", key_target("photos", "k"), "", CIMultiDict(_PUT), IMAGE, len(IMAGE))
    for request in (Request("PUT", Target("photos", "", "")), key):
        async with client.send(request) as response:
            assert response.status == 200
    row, optimizer = Row("k", len(IMAGE)), Optimizer(tools, "photos")
    work: Work = optimizer
    if name == "verify":
        await optimizer(row)
        work = Verifier(tools, "photos")
    before = len(memory.requests)
    await work(row)
    sent = Counter(request.method for request in memory.requests[before:])
    assert (sent["GET"] + sent["HEAD"], sent["PUT"]) == (READS[name], WRITES[name])
