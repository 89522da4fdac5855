"""What the gateway records of its work beside metrics and the log."""

from dataclasses import dataclass, field

from gateway.telemetry.bucket_savings import BucketSavings
from gateway.telemetry.ledger import Ledger
from gateway.telemetry.tracing import Tracer


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Where results are recorded.

    Attributes:
        ledger: What shadow policies find out.
        buckets: Bytes saved, by bucket.
        tracer: Exports traces; None: none are made.
    """

    ledger: Ledger
    buckets: BucketSavings = field(default_factory=BucketSavings)
    tracer: Tracer | None = None
