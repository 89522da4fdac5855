"""Savings by bucket since the gateway started."""

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from prometheus_client import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from slimgate.gateway.telemetry import metrics
from slimgate.gateway.telemetry.metrics import METRICS_FOLDER


@dataclass(slots=True)
class Saving:
    """Uploaded and stored bytes of the optimized images of a bucket.

    Overwritten and deleted objects are not subtracted.
    """

    uploaded: int = 0
    stored: int = 0
    images: int = 0

    @property
    def saved(self) -> int:
        """Return the saved bytes."""
        return self.uploaded - self.stored


def counted() -> Iterable[Metric]:
    """Return the metrics of this process and of its siblings."""
    folder = os.environ.get(METRICS_FOLDER)
    if folder is None:
        return metrics.REGISTRY.collect()
    found: Iterable[Metric] = MultiProcessCollector(None, folder).collect()  # type: ignore[no-untyped-call]
    return found


def by_bucket(families: Iterable[Metric]) -> dict[str, Saving]:
    """Return savings by bucket, largest first.

    Args:
        families: Metrics of one or several processes.
    """
    found: dict[str, Saving] = defaultdict(Saving)
    for family in families:
        for sample in family.samples:
            saving = found[sample.labels["bucket"]] if sample.name in _FIELDS else None
            if saving is not None:
                field = _FIELDS[sample.name]
                setattr(saving, field, getattr(saving, field) + int(sample.value))
    return dict(sorted(found.items(), key=lambda item: (-item[1].saved, item[0])))


def queued(families: Iterable[Metric]) -> int:
    """Return how many uploads wait in the deferred queue.

    Args:
        families: Metrics of one or several processes.
    """
    samples = (sample for family in families for sample in family.samples)
    return max((int(each.value) for each in samples if each.name == _QUEUED), default=0)


_QUEUED: Final = "slimgate_deferred_queued"


def total(savings: Iterable[Saving]) -> Saving:
    """Return the sum of savings."""
    found = Saving()
    for each in savings:
        found.uploaded += each.uploaded
        found.stored += each.stored
        found.images += each.images
    return found


@dataclass(frozen=True, slots=True)
class Spared:
    """Egress that renditions for browsers have spared.

    Attributes:
        reads: Responses with the rendition itself; nothing was restored for them.
        bytes: Bytes not sent, because whole renditions are smaller than the uploads.
    """

    reads: int
    bytes: int


def spared(families: Iterable[Metric]) -> Spared:
    """Return the egress spared, by all processes together.

    Args:
        families: Metrics of one or several processes.
    """
    sums = {"slimgate_negotiated_requests_total": 0, "slimgate_negotiated_bytes_spared_total": 0}
    for family in families:
        for sample in family.samples:
            if sample.name in sums:
                sums[sample.name] += int(sample.value)
    return Spared(*sums.values())


_FIELDS: Final = {
    "slimgate_bucket_uploaded_bytes_total": "uploaded",
    "slimgate_bucket_stored_bytes_total": "stored",
    "slimgate_bucket_images_total": "images",
}
