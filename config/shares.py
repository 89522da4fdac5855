"""What each of several gateway processes may use: their sum is what the configuration allows."""

from typing import Final

from config.base import Frozen
from config.settings import Settings

DIVIDED: Final = frozenset(
    {
        ("upstream", "max_connections"),
        ("cache", "max_bytes"),
        ("engine", "max_queue"),
        ("limits", "max_connections"),
        ("limits", "max_buffered_bytes"),
        ("limits", "max_spooled_bytes"),
        ("limits", "max_listing_heads"),
        ("limits", "list_index_entries"),
    }
)
"""Settings that are divided by the number of processes; the rest is for each as it is."""


def share(settings: Settings, number: int) -> Settings:
    """Give one process its part.

    A process does not borrow from others: what is not used there is not used at all. Connections
    come to whichever process is free, so that all are about equally busy. What is not zero for all
    is at least 1 for each. Codec workers are divided so that none are left over.

    Args:
        settings: What all together may use.
        number: Which process, from 0.
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
