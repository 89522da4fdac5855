"""Read numbers of a few bits, least significant bit first."""

from codec.containers.errors import Malformed


class Bits:
    """A position in a run of bits.

    Args:
        data: Where the bits are; the lowest bit of a byte comes first.
    """

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """Give the next bits as a number.

        Raises:
            Malformed: There are not so many.
        """
        if count > self._left:
            raise Malformed("header cut off")
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return taken

    def choice(self, *widths: tuple[int, int]) -> int:
        """Give a number that two bits choose the form of: an offset, and so many more bits."""
        offset, count = widths[self.take(2)]
        return offset + self.take(count)
