"""Choose torch's device, and translate its errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

import torch

from slimgate.models.engine.network import CannotRun, EngineError, OutOfMemory

DeviceName = Literal["auto", "cpu", "cuda"]

_CPU_ALLOCATION: Final = "DefaultCPUAllocator"  # c10/core/impl/alloc_cpu.cpp


def choose(name: DeviceName, *, threads: int = 0) -> torch.device:
    """Return a device.

    Args:
        name: ``auto``: a GPU if present, else the CPU.
        threads: maximum CPU threads of the whole process; 0: unchanged.

    Raises:
        CannotRun: torch finds no usable GPU.
    """
    if threads:
        torch.set_num_threads(threads)
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise CannotRun(
            "torch finds no GPU; check the driver with nvidia-smi and install a torch that is "
            "built for GPUs, or set the device to cpu"
        )
    return torch.device("cuda" if available and name != "cpu" else "cpu")


@contextmanager
def translated() -> Iterator[None]:
    """Translate torch's exceptions.

    Raises:
        OutOfMemory: a smaller batch may succeed.
        EngineError: any other failure.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory("the batch did not fit into memory") from error
    except RuntimeError as error:
        if _CPU_ALLOCATION in str(error):
            raise OutOfMemory("the batch did not fit into memory") from error
        raise EngineError(f"torch failed: {error}") from error
