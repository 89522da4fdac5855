"""Bytes uploaded and stored, counted by bucket; bounded in the number of buckets."""

from typing import Final

from gateway.telemetry import metrics

OTHERS: Final = "(others)"
"""Stands for all buckets beyond ``MAX_BUCKETS``; no bucket can be called so."""

MAX_BUCKETS: Final = 200


class BucketSavings:
    """Count what was stored small, by bucket.

    A bucket is counted once the store has taken an object for it: names that somebody makes up
    make no time series.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()

    def note(self, bucket: str, uploaded: int, stored: int) -> None:
        """Count one object that the store has taken.

        Args:
            bucket: Where.
            uploaded: Bytes that a client sent.
            stored: Bytes of the rendition.
        """
        if len(self._known) < MAX_BUCKETS:
            self._known.add(bucket)
        label = bucket if bucket in self._known else OTHERS
        metrics.BUCKET_UPLOADED_BYTES.labels(label).inc(uploaded)
        metrics.BUCKET_STORED_BYTES.labels(label).inc(stored)
        metrics.BUCKET_IMAGES.labels(label).inc()
