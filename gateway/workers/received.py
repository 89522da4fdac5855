"""Check what a worker sends: an image may have taken it over."""

from pydantic import ValidationError

from slimgate.gateway.workers.job_values import (
    FAILURES,
    RESULTS,
    Failure,
    Job,
    OptimizeJob,
    RestoreJob,
    Result,
)
from slimgate.gateway.workers.messages import Kind, Message, Violation


def checked(message: Message) -> Result | Failure:
    """Return the outcome that a message holds.

    Raises:
        Violation: It holds none.
    """
    adapter = RESULTS if message.kind is Kind.RESULT else FAILURES
    try:
        return adapter.validate_json(message.document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Violation(f"its result has a wrong {where or 'document'}: {first['msg']}") from error


def check_fit(job: Job, outcome: Result | Failure, file: bytes) -> None:
    """Check that an outcome is one of this job.

    Raises:
        Violation: It is not.
    """
    if isinstance(outcome, Failure):
        return
    if isinstance(job, OptimizeJob) and outcome.manifest is None:
        raise Violation("it sent a rendition without a manifest")
    if isinstance(job, RestoreJob) and len(file) != job.manifest.size:
        raise Violation(f"it restored {len(file)} bytes, not {job.manifest.size}")
