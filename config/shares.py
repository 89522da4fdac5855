"""Each process's share of the limits; the shares add up to the configured limits."""

from typing import Final

from slimgate.config.base import Frozen
from slimgate.config.settings import Settings

DIVIDED: Final = frozenset(
    {
        ("upstream", "max_connections"),
        ("cache", "max_bytes"),
        ("deferred", "concurrency"),
        ("deferred", "images_per_minute"),
        ("engine", "max_queue"),
        ("limits", "max_connections"),
        ("limits", "max_buffered_bytes"),
        ("limits", "max_spooled_bytes"),
        ("limits", "max_listing_heads"),
    }
)
"""Limits divided by the number of processes. Every other setting applies to each process."""


def share(settings: Settings, number: int) -> Settings:
    """Return the settings of one process.

    Processes do not lend unused shares. The kernel hands a connection to any free process, so load
    is about even. A non-zero limit is at least 1 per process; spare workers go to the first
    processes.

    Args:
        settings: the configuration of all processes together.
        number: index of the process, from 0.
    """
    sections: dict[str, Frozen] = {name: getattr(settings, name) for name, _ in sorted(DIVIDED)}
    for name, field in sorted(DIVIDED):
        whole: int = getattr(sections[name], field)
        part = max(1, whole // settings.processes) if whole else 0
        sections[name] = sections[name].model_copy(update={field: part})
    workers, left = divmod(settings.engine.worker_count, settings.processes)
    workers = max(1, workers + (number < left))
    sections["engine"] = sections["engine"].model_copy(update={"workers": workers})
    return settings.model_copy(update=sections)
