"""Structured logs: one JSON object per line on standard error, with secrets redacted."""

import logging
import sys

import structlog
from structlog.typing import Processor

from slimgate.gateway.telemetry.redaction import redact


def configure(**always: object) -> None:
    """Configure logging for the process, libraries included.

    Args:
        always: Fields of every line.
    """
    shared: list[Processor] = [
        lambda _logger, _method, event: {**event, **always},
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    # Last: tracebacks are text by now.
    rendered: list[Processor] = [redact, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # A line and its end in one write: processes share the standard error.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
