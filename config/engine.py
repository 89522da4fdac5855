"""Settings of worker processes and of the engine that runs networks."""

import os
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema, model_validator

from slimgate.config.base import LISTED, Frozen, contradiction
from slimgate.config.network import endpoint_url
from slimgate.config.units import ByteCount, PixelCount
from slimgate.config.values import FilePath, SecretKey

_MAX_WORKERS: Final = 256


def _workers(value: object) -> int | Literal["auto"]:
    if value == "auto":
        return "auto"
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_WORKERS:
        return value
    raise ValueError(f"must be auto or a whole number from 1 to {_MAX_WORKERS}")


_WORKERS: Final = WithJsonSchema(
    {"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": _MAX_WORKERS}]}
)


class SageMaker(Frozen):
    """The SageMaker real-time endpoint that enlarges images."""

    endpoint: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9](-?[A-Za-z0-9]){0,62}$",
        description="name of the SageMaker endpoint",
    )
    region: str = Field(
        default="us-east-1", pattern=r"^[a-z0-9-]{1,64}$", description="AWS region of that endpoint"
    )


class RemoteEngines(Frozen):
    """Engines on other machines, each started by ``slimgate engine serve`` or Ray Serve."""

    urls: Annotated[
        tuple[Annotated[str, AfterValidator(endpoint_url), Field(max_length=512)], ...], LISTED
    ] = Field(
        default=(),
        max_length=64,
        description="URLs of engines: scheme, host and port; each address of a host is an engine",
    )
    token: SecretKey | None = Field(
        default=None, description="token of the engines; null: they want none"
    )
    timeout_s: float = Field(
        default=30.0,
        gt=0,
        le=60,
        description="timeout of one image, on all engines tried, seconds; then 503 SlowDown",
    )
    connections: int = Field(
        default=16, ge=1, le=1024, description="maximum connections to one engine"
    )
    ca_file: FilePath | None = Field(
        default=None,
        description="PEM file with the certificate authority of https engines; null: the system's",
    )


class Engine(Frozen):
    """Worker processes that decode, encode and restore images, and the engine for networks."""

    workers: Annotated[int | Literal["auto"], PlainValidator(_workers), _WORKERS] = Field(
        default="auto", description="number of worker processes; auto: one per core"
    )
    worker_memory: ByteCount = Field(
        default=5 * 2**30,
        ge=256 * 2**20,
        le=2**40,
        description="memory limit of one worker, bytes; only one worker at a time may exceed 2 GiB",
    )
    sandbox: Literal["auto", "required", "off"] = Field(
        default="auto",
        description=(
            "confinement of workers: auto (as far as the kernel can), required (else the gateway "
            "does not start) or off"
        ),
    )
    max_queue: int = Field(
        default=64, ge=1, le=10_000, description="maximum queued jobs; more get 503 SlowDown"
    )
    max_queue_wait_s: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="queue timeout, seconds; then 503 SlowDown",
    )
    backend: Literal["openvino", "torch", "sagemaker", "remote"] = Field(
        default="openvino", description="engine for networks: openvino, torch, sagemaker or remote"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="device for torch: auto (a GPU if present), cpu or cuda"
    )
    threads: int = Field(default=0, ge=0, le=1024, description="threads per batch; 0: one per core")
    max_batch: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="tiles per batch; 0: 2 on CPUs, 16 on GPUs",
    )
    max_wait_ms: float = Field(
        default=2.0,
        ge=0,
        le=1000,
        description="maximum wait for a batch to fill, milliseconds",
    )
    max_pixels_in_flight: PixelCount = Field(
        default=400 * 10**6,
        ge=10**6,
        le=10**12,
        description="maximum output pixels in flight; more get 503 SlowDown",
    )
    sagemaker: SageMaker = Field(
        default=SageMaker(), description="endpoint of the backend sagemaker"
    )
    remote: RemoteEngines = Field(
        default=RemoteEngines(), description="engines of the backend remote"
    )

    @model_validator(mode="after")
    def _endpoint_is_named(self) -> Self:
        if self.backend == "sagemaker" and self.sagemaker.endpoint is None:
            reason = "the backend sagemaker needs an endpoint: set engine.sagemaker.endpoint"
            raise contradiction(("backend",), reason)
        if self.backend == "remote" and not self.remote.urls:
            reason = "the backend remote needs engines: set engine.remote.urls"
            raise contradiction(("backend",), reason)
        return self

    @property
    def worker_count(self) -> int:
        """Return the number of workers; auto counts the cores available to this process."""
        return min(_cores(), _MAX_WORKERS) if self.workers == "auto" else self.workers


def _cores() -> int:
    # A container may pin this process to fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
