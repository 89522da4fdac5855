"""What the gateway records besides metrics and logs."""

from dataclasses import dataclass, field

from slimgate.gateway.telemetry.bucket_savings import BucketSavings
from slimgate.gateway.telemetry.ledger import Ledger
from slimgate.gateway.telemetry.savings_history import SavingsHistory
from slimgate.gateway.telemetry.tracing import Tracer


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Recorders of results.

    Attributes:
        ledger: Results of shadow policies.
        buckets: Bytes saved, by bucket.
        history: Savings by day.
        tracer: Exports traces; None: tracing is off.
    """

    ledger: Ledger
    buckets: BucketSavings = field(default_factory=BucketSavings)
    history: SavingsHistory = field(default_factory=lambda: SavingsHistory(None))
    tracer: Tracer | None = None

    def saved(self, bucket: str, tier: str, uploaded: int, stored: int) -> None:
        """Count one rendition that the store has accepted.

        Args:
            bucket: Its bucket.
            tier: Its tier.
            uploaded: Size of the upload, bytes.
            stored: Size of the rendition, bytes.
        """
        self.buckets.note(bucket, uploaded, stored)
        self.history.note(bucket, tier, uploaded, stored)
