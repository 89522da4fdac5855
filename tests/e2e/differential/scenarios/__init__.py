"""Tables of scenarios by subject."""

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

_OF_BUCKETS: Final = (buckets, forms, permissions, settings)
_OF_OBJECTS: Final = (copies, listings, multipart, objects, reads, transfers, versions)

EVERYTHING: Final[Table] = {
    name: scenario
    for subject in (*_OF_BUCKETS, *_OF_OBJECTS)
    for name, scenario in subject.SCENARIOS.items()
} | dict(forms.IMAGES)
"""All scenarios by name."""

WITH_POLICY: Final = (
    frozenset(name for subject in _OF_OBJECTS for name in subject.SCENARIOS) | forms.IMAGES.keys()
)
"""Those in which a policy for the bucket changes the gateway's own way."""
