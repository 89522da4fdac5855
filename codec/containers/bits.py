"""Read bit fields, least significant bit first."""

from slimgate.codec.containers.errors import Malformed


class Bits:
    """A cursor in a bit stream.

    Args:
        data: bytes; the lowest bit of a byte comes first.
    """

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """Return the next bits as a number.

        Raises:
            Malformed: too few bits are left.
        """
        if count > self._left:
            raise Malformed("header cut off")
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return taken

    def choice(self, *widths: tuple[int, int]) -> int:
        """Return a number in one of four forms, selected by two bits: offset and width."""
        offset, count = widths[self.take(2)]
        return offset + self.take(count)
