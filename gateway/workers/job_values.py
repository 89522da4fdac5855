"""Jobs for workers and what comes of them, as JSON beside the bytes of a file.

The gateway checks all that it gets: of a worker's results only numbers, names and texts of bounded
length arrive, and errors of the classes listed here.
"""

import traceback
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, PlainSerializer, TypeAdapter
from pydantic.dataclasses import dataclass

from slimgate import models
from slimgate.codec.image.memory import OutOfMemory
from slimgate.codec.manifest import Manifest
from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.restore.restore import DamagedRendition, DigestMismatch
from slimgate.codec.search.omissions import Omitted
from slimgate.codec.search.state import Trial
from slimgate.codec.upscale_file import FileFormat, NotEnlarged, TooLarge
from slimgate.config import Policy
from slimgate.config.floor import Guard

_MAX_TEXT: Final = 16_384
"""Characters of a message or traceback."""

MAX_THREADS: Final = 4
"""Most threads of a job: more gain little."""

_CONFIG: Final = ConfigDict(ser_json_inf_nan="constants")


class LargeImage(Exception):
    """The job may need more than the ordinary amount of memory, and has to be allowed to."""


def _without_credentials(policy: Policy) -> dict[str, object]:
    """Return what a search needs of a policy: decoders and secrets stay apart."""
    return policy.model_dump(mode="json", exclude={"upstream"})


@dataclass(frozen=True)
class OptimizeJob:
    """Arguments of :func:`slimgate.gateway.workers.jobs.optimize_upload`."""

    policy: Annotated[Policy, PlainSerializer(_without_credentials)]
    content_type: str
    version: str
    ruled_out: frozenset[str]
    may_be_large: bool
    threads: Annotated[int, Field(ge=1, le=MAX_THREADS)] = 1
    name: Literal["optimize"] = "optimize"


@dataclass(frozen=True)
class RestoreJob:
    """Arguments of :func:`slimgate.gateway.workers.jobs.restore_object`."""

    manifest: Manifest
    may_be_large: bool
    threads: Annotated[int, Field(ge=1, le=MAX_THREADS)] = 1
    name: Literal["restore"] = "restore"


@dataclass(frozen=True)
class UpscaleJob:
    """Arguments of :func:`slimgate.gateway.workers.jobs.upscale_image`."""

    restorer: str
    scale: int
    format_: FileFormat
    max_pixels: int
    name: Literal["upscale"] = "upscale"


Job = OptimizeJob | RestoreJob | UpscaleJob
JOBS: Final[TypeAdapter[Job]] = TypeAdapter(Annotated[Job, Field(discriminator="name")])


@dataclass(frozen=True, config=_CONFIG)
class Result:
    """What comes of a job, beside a file.

    Attributes:
        manifest: Of the rendition, after a search.
        trials: Of the search.
        omitted: What the search left out.
        as_recorded: The restored file is the recorded one, byte for byte.
        spent: The process holds more memory than at its start, and should be replaced.
    """

    manifest: Manifest | None = None
    trials: tuple[Trial, ...] = ()
    omitted: tuple[Omitted, ...] = ()
    as_recorded: bool = True
    spent: bool = False

    def optimized(self, rendition: bytes) -> Optimized:
        """Return the result of a search.

        Raises:
            ValueError: The worker sent no manifest.
        """
        if self.manifest is None:
            raise ValueError("a rendition without a manifest")
        return Optimized(rendition, self.manifest, self.trials, self.omitted)


RESULTS: Final = TypeAdapter(Result)

ErrorName = Literal[
    "large", "memory", "digest", "damaged", "too large", "not enlarged", "engine busy",
    "engine late", "engine unreachable", "engine memory", "engine", "unknown", "refused", "other",
]  # fmt: skip

_ERRORS: Final = MappingProxyType[ErrorName, type[Exception]](
    {  # subclasses before their bases
        "large": LargeImage,
        "memory": OutOfMemory,
        "digest": DigestMismatch,
        "damaged": DamagedRendition,
        "too large": TooLarge,
        "not enlarged": NotEnlarged,
        "engine busy": models.Busy,
        "engine late": models.TooLate,
        "engine unreachable": models.Unreachable,
        "engine memory": models.OutOfMemory,
        "engine": models.EngineError,
        "unknown": LookupError,
    }
)


@dataclass(frozen=True, config=_CONFIG)
class Failure:
    """An error of a job.

    Attributes:
        error: Its class.
        text: Its message; for a refusal, the particulars.
        note: Its traceback.
        reason: Why an upload stays as it is.
        trials: What was tried before.
        omitted: What was not tried.
        guard: Guard that raised the policy's floor.
        spent: As in a result.
    """

    error: ErrorName
    text: Annotated[str, Field(max_length=_MAX_TEXT)]
    note: Annotated[str, Field(max_length=_MAX_TEXT)]
    reason: Reason | None = None
    trials: tuple[Trial, ...] = ()
    omitted: tuple[Omitted, ...] = ()
    guard: Guard | None = None
    spent: bool = False

    def exception(self) -> Exception:
        """Return the error, with the traceback as a note."""
        error: Exception
        if self.reason is not None:
            error = Refused(self.reason, self.text, self.trials, self.omitted)
            error.guard = self.guard
        elif self.error in _ERRORS:
            error = _ERRORS[self.error](self.text)
        else:
            error = RuntimeError(self.text)
        error.add_note(self.note)
        return error


FAILURES: Final = TypeAdapter(Failure)


def failure_of(error: Exception) -> Failure:
    """Return what the gateway gets to know of an error."""
    note = "".join(traceback.format_exception(error))[-_MAX_TEXT:]
    if isinstance(error, Refused):
        return Failure(
            "refused", error.detail[:_MAX_TEXT], note, error.reason, error.trials, error.omitted,
            error.guard,
        )  # fmt: skip
    for name, class_ in _ERRORS.items():
        if isinstance(error, class_):
            return Failure(name, str(error)[:_MAX_TEXT], note)
    return Failure("other", f"{type(error).__name__}: {error}"[:_MAX_TEXT], note)
