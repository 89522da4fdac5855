"""Record the work of a network on a GPU once, and repeat it without the processor."""

from typing import Final

import torch
from torch import Tensor, nn

_WARM_UP: Final = 3  # as often as torch.cuda.make_graphed_callables does


class Recorded:
    """A network for inputs of one shape, as a CUDA graph.

    Args:
        module: On the GPU; without anything that depends on values.
        sample: An input of that shape and type, on the GPU.

    Raises:
        RuntimeError: The network does what cannot be recorded.
    """

    def __init__(self, module: nn.Module, sample: Tensor) -> None:
        self._input = sample.clone()
        stream = torch.cuda.Stream(sample.device)
        stream.wait_stream(torch.cuda.current_stream(sample.device))
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):  # kernels are chosen and memory is taken before recording
                module(self._input)
        torch.cuda.current_stream(sample.device).wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        # Other threads may be using the GPU meanwhile, for other networks.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._output: Tensor = module(self._input)

    def __call__(self, tiles: Tensor) -> Tensor:
        """Compute one batch; the result is overwritten by the next call."""
        self._input.copy_(tiles)
        self._graph.replay()
        return self._output
