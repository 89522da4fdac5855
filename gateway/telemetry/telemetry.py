"""What the gateway records besides metrics and logs."""

from dataclasses import dataclass, field

from slimgate.gateway.telemetry.bucket_savings import BucketSavings
from slimgate.gateway.telemetry.ledger import Ledger
from slimgate.gateway.telemetry.tracing import Tracer


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Recorders of results.

    Attributes:
        ledger: Results of shadow policies.
        buckets: Bytes saved, by bucket.
        tracer: Exports traces; None: tracing is off.
    """

    ledger: Ledger
    buckets: BucketSavings = field(default_factory=BucketSavings)
    tracer: Tracer | None = None
