"""What people are told of errors."""

import sqlite3
from typing import Final

from slimgate.gateway.admin.playground.feedback import FeedbackNotSaved
from slimgate.gateway.admin.playground.forms import RequestRefused
from slimgate.gateway.workers.pool import UNRESTORABLE, Busy, NotRestored

_TOLD: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], int, str], ...]] = (
    (Busy, 503, "The gateway is busy: {}. Try again in a moment."),
    (NotRestored, 503, "The rendition was not restored: {}. Try again."),
    (FeedbackNotSaved, 500, "{}"),
    (sqlite3.Error, 500, "The file of admin.history cannot be read: {}. Move it away."),
    (UNRESTORABLE, 500, "The rendition cannot be restored: {}"),
)


def problem(error: Exception) -> tuple[int, str] | None:
    """Return the HTTP status and a sentence for an error; None: it is unexpected."""
    if isinstance(error, RequestRefused):
        return error.status, str(error)
    for kinds, status, text in _TOLD:
        if isinstance(error, kinds):
            return status, text.format(error)
    return None
