"""What a job is about: ``plan.json``, written first, and ``job.json``, written last."""

import hashlib
import json
from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import AwareDatetime, Field, NonNegativeInt, ValidationError

from slimgate import models
from slimgate.config import Policies, Policy
from slimgate.config.base import Frozen
from slimgate.eval.run import machine
from slimgate.gateway.jobs.state.shards import MAX_ROWS, MAX_SHARDS
from slimgate.gateway.jobs.state.store import JobStore

PLAN_FILE: Final = "plan.json"
JOB_FILE: Final = "job.json"
_MAX_BYTES: Final = 1 << 20

Selection = Literal["policies", "all"]
"""Which keys are planned: those that a policy matches, or all."""

_File = TypeVar("_File", bound="PlanFile")


class NoJob(Exception):
    """There is no job to run, or it cannot be read; the message says what to do."""


class Digests(Frozen):
    """What decides the bytes of a rendition.

    Attributes:
        policies: Of the policies for the bucket, in order.
        restorers: Of the restorers that these policies select.
        packages: Of Python, slimgate and the packages that make or measure pixels.
    """

    policies: str
    restorers: str
    packages: str

    @classmethod
    def of(cls, policies: Policies, bucket: str) -> Self:
        """Return the digests of this process.

        Args:
            policies: Policies of the configuration.
            bucket: Bucket of the job.
        """
        matching = list(policies.for_bucket(bucket))
        return cls(
            policies=_digest([(policy.name, policy.digest) for policy in matching]),
            restorers=_digest(_restorers(matching)),
            packages=_digest(sorted(machine.versions().items())),
        )

    def differing(self, other: Self) -> list[str]:
        """Return the names of the digests that differ."""
        mine, theirs = self.model_dump(), other.model_dump()
        return [name for name in mine if mine[name] != theirs[name]]


class Source(Frozen):
    """Where the objects of a job come from.

    Attributes:
        kind: A listing, an S3 Inventory or a CSV file of keys.
        location: Address of the file; None: the bucket is listed.
        digest: SHA-256 of that file, hexadecimal; None: the bucket is listed.
    """

    kind: Literal["list", "inventory", "manifest"]
    location: str | None = None
    digest: str | None = None


class PlanFile(Frozen):
    """What is planned.

    Attributes:
        format: Version of the format.
        bucket: Bucket of the objects.
        prefix: Prefix of their keys.
        source: Where they come from.
        selection: Which of them are planned.
        sample: Share of the keys that is planned, chosen by their digests; None: all.
        versions: Whether old versions are planned, too.
        keys_per_shard: Most objects in a shard.
        created: Start of planning.
        digests: What decides the bytes of renditions.
    """

    format: Literal[1] = 1
    bucket: str
    prefix: str
    source: Source
    selection: Selection
    sample: Annotated[float, Field(gt=0, le=1)] | None = None
    versions: bool = False
    keys_per_shard: int = Field(ge=1, le=MAX_ROWS)
    created: AwareDatetime
    digests: Digests

    def dumps(self) -> bytes:
        """Return the content of the file."""
        return self.model_dump_json(indent=1).encode() + b"\n"

    def differing(self, other: "PlanFile") -> list[str]:
        """Return the names of the settings that differ, except the time."""
        mine, theirs = (dict(each) for each in (self, other))
        return [n for n in PlanFile.model_fields if n != "created" and mine[n] != theirs[n]]


class JobFile(PlanFile):
    """A complete plan.

    Attributes:
        shards: Number of shards.
        rows: Number of objects.
        bytes: Sum of their known sizes, bytes.
        skipped: Objects of the source that are not planned, by reason.
    """

    shards: int = Field(ge=0, le=MAX_SHARDS)
    rows: NonNegativeInt
    bytes: NonNegativeInt
    skipped: dict[str, NonNegativeInt]


async def read_job(store: JobStore) -> JobFile:
    """Read a complete plan.

    Raises:
        NoJob: There is none, or it cannot be read.
        Denied, S3Error: As :meth:`JobStore.read`.
    """
    found = await _read(store, JOB_FILE, JobFile)
    if found is not None:
        return found
    if await read_plan(store) is None:
        raise NoJob(f"there is no job at {store}: plan one with `job plan`")
    raise NoJob(f"the plan at {store} is incomplete: repeat `job plan`, which continues it")


async def read_plan(store: JobStore) -> PlanFile | None:
    """Read what is being planned; None if nothing is.

    Raises:
        NoJob: It cannot be read.
        Denied, S3Error: As :meth:`JobStore.read`.
    """
    return await _read(store, PLAN_FILE, PlanFile)


async def _read(store: JobStore, name: str, kind: type[_File]) -> _File | None:
    found = await store.read(name, _MAX_BYTES)
    if found is None:
        return None
    try:
        return kind.model_validate_json(found.data)
    except ValidationError as error:
        raise NoJob(f"{store}/{name} is damaged, or of another version: {error}") from error


def _restorers(policies: Iterable[Policy]) -> list[tuple[str, list[tuple[int, str]]]]:
    names = sorted({policy.restorer for policy in policies})
    return [(name, sorted(models.chosen(name).items())) for name in names]


def _digest(value: object) -> str:
    document = json.dumps(value, separators=(",", ":"))
    return hashlib.sha256(document.encode()).hexdigest()
