"""The processes that work on images, and what runs networks."""

import os
from typing import Annotated, Final, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from config.base import Frozen, contradiction
from config.units import ByteCount, PixelCount

_MAX_WORKERS: Final = 256


def _workers(value: object) -> int | Literal["auto"]:
    if value == "auto":
        return "auto"
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_WORKERS:
        return value
    raise ValueError(f"must be auto or a whole number from 1 to {_MAX_WORKERS}")


class SageMaker(Frozen):
    """A real-time endpoint that enlarges images, for the engine sagemaker."""

    endpoint: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9](-?[A-Za-z0-9]){0,62}$",
        description="name of the endpoint",
    )
    region: str = Field(
        default="us-east-1", pattern=r"^[a-z0-9-]{1,64}$", description="region of the endpoint"
    )


class Engine(Frozen):
    """The processes that decode, encode and restore images, and what runs networks."""

    workers: Annotated[int | Literal["auto"], PlainValidator(_workers)] = Field(
        default="auto", description="number of processes; auto: one per core"
    )
    worker_memory: ByteCount = Field(
        default=5 * 2**30,
        ge=256 * 2**20,
        le=2**40,
        description="memory that one process may use; beyond 2 GiB one of them at a time",
    )
    max_queue: int = Field(
        default=64, ge=1, le=10_000, description="jobs that may wait; beyond it: 503 SlowDown"
    )
    max_queue_wait_s: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="longest wait in that queue, seconds; beyond it: 503 SlowDown",
    )
    backend: Literal["openvino", "torch", "sagemaker"] = Field(
        default="openvino", description="what runs networks: openvino, torch or sagemaker"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="for torch: auto (a GPU where there is one), cpu or cuda"
    )
    threads: int = Field(
        default=0, ge=0, le=1024, description="threads of one batch; 0: one per core"
    )
    max_batch: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="tiles that are computed at the same time; 0: 2 on processors, 16 on GPUs",
    )
    max_wait_ms: float = Field(
        default=2.0,
        ge=0,
        le=1000,
        description="time that a tile waits for others to share its batch, milliseconds",
    )
    max_pixels_in_flight: PixelCount = Field(
        default=400 * 10**6,
        ge=10**6,
        le=10**12,
        description="restored pixels that may be in flight; beyond it: 503 SlowDown",
    )
    sagemaker: SageMaker = Field(default=SageMaker(), description="for the engine sagemaker")

    @model_validator(mode="after")
    def _endpoint_is_named(self) -> Self:
        if self.backend == "sagemaker" and self.sagemaker.endpoint is None:
            reason = "the backend sagemaker needs sagemaker.endpoint, the name of the endpoint"
            raise contradiction(("backend",), reason)
        return self

    @property
    def worker_count(self) -> int:
        """Return the number of processes; for auto, that of the cores this process may use."""
        return min(_cores(), _MAX_WORKERS) if self.workers == "auto" else self.workers


def _cores() -> int:
    # Inside a container with pinned cores the machine has more of them than this process may use.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
