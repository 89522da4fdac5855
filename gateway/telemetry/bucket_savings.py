"""Count uploaded and stored bytes by bucket, for a bounded number of buckets."""

from typing import Final

from slimgate.gateway.telemetry import metrics

OTHERS: Final = "(others)"
"""Label of all buckets beyond ``MAX_BUCKETS``; not a valid bucket name."""

MAX_BUCKETS: Final = 200


class BucketSavings:
    """Count optimized images by bucket.

    A bucket is counted once the store has accepted an object for it, so made-up names create no
    time series.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()

    def note(self, bucket: str, uploaded: int, stored: int) -> None:
        """Count one object that the store has accepted.

        Args:
            bucket: Bucket name.
            uploaded: Size of the upload, bytes.
            stored: Size of the rendition, bytes.
        """
        if len(self._known) < MAX_BUCKETS:
            self._known.add(bucket)
        label = bucket if bucket in self._known else OTHERS
        metrics.BUCKET_UPLOADED_BYTES.labels(label).inc(uploaded)
        metrics.BUCKET_STORED_BYTES.labels(label).inc(stored)
        metrics.BUCKET_IMAGES.labels(label).inc()
