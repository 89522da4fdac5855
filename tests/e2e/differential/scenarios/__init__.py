"""What is tried: tables of scenarios by subject."""

from typing import Final

from tests.e2e.differential.lab import Table
from tests.e2e.differential.scenarios import (
    buckets,
    copies,
    forms,
    listings,
    multipart,
    objects,
    permissions,
    reads,
    settings,
    transfers,
    versions,
)

_SUBJECTS: Final = (
    buckets, copies, forms, listings, multipart, objects, permissions, reads, settings, transfers,
    versions,
)  # fmt: skip

EVERYTHING: Final[Table] = {
    name: scenario for subject in _SUBJECTS for name, scenario in subject.SCENARIOS.items()
}
"""All scenarios by name."""
