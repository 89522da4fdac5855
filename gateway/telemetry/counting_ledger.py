"""The ledger of shadow policies, whose possible savings are counted, too."""

from slimgate.config import Ledger as LedgerSettings
from slimgate.gateway.telemetry.ledger import Ledger, Line
from slimgate.gateway.telemetry.savings_history import SavingsHistory


class CountingLedger(Ledger):
    """Append lines to a file, and count what would have been saved.

    Args:
        settings: As in :class:`Ledger`.
        history: Counts by day.
    """

    def __init__(self, settings: LedgerSettings, history: SavingsHistory) -> None:
        super().__init__(settings)
        self._history = history

    def write(self, line: Line) -> bool:
        """Count and write one line; returns as :meth:`Ledger.write`."""
        uploaded, stored, tier = line["uploaded_bytes"], line["stored_bytes"], str(line["tier"])
        if tier != "plain" and isinstance(uploaded, int) and isinstance(stored, int):
            self._history.note(str(line["bucket"]), tier, uploaded, stored, "shadow")
        return super().write(line)
