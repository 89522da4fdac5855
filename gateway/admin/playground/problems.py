"""What people are told of errors."""

from slimgate.gateway.admin.playground.feedback import FeedbackNotSaved
from slimgate.gateway.admin.playground.forms import RequestRefused
from slimgate.gateway.workers.pool import UNRESTORABLE, Busy, NotRestored


def problem(error: Exception) -> tuple[int, str] | None:
    """Return the HTTP status and a sentence for an error; None: it is unexpected."""
    if isinstance(error, RequestRefused):
        return error.status, str(error)
    if isinstance(error, Busy):
        return 503, f"The gateway is busy: {error}. Try again in a moment."
    if isinstance(error, NotRestored):
        return 503, f"The rendition was not restored: {error}. Try again."
    if isinstance(error, FeedbackNotSaved):
        return 500, str(error)
    if isinstance(error, UNRESTORABLE):
        return 500, f"The rendition cannot be restored: {error}"
    return None
