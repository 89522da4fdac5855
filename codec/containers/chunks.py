"""Walk files that are sequences of chunks, boxes or the like."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from slimgate.codec.containers.errors import ContainerError


class _Ending(Protocol):
    @property
    def end(self) -> int: ...


_Chunk = TypeVar("_Chunk", bound=_Ending)


def walk(
    data: bytes,
    position: int,
    read: Callable[[bytes, int], _Chunk],
    *,
    most: int,
    too_many: ContainerError,
) -> Iterator[_Chunk]:
    """Yield all chunks up to the end of the bytes.

    Args:
        data: the file.
        position: start of the first chunk.
        read: returns the chunk that starts at a position, or raises.
        most: maximum number of chunks.
        too_many: raised if there are more.

    Raises:
        ContainerError: ``too_many``, or an error of ``read``.
    """
    for _ in range(most):
        if position == len(data):
            return
        chunk = read(data, position)
        yield chunk
        position = chunk.end
    if position != len(data):
        raise too_many
