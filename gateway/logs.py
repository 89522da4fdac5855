"""Structured logs: one JSON object a line, on standard error."""

import logging
import sys

import structlog


def configure(**always: object) -> None:
    """Set structlog up for the whole process.

    Args:
        always: Fields that every line has.
    """
    structlog.configure(
        processors=[
            lambda _logger, _method, event: {**event, **always},
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
