"""Record a network's GPU work once as a CUDA graph, and replay it without the CPU."""

from typing import Final

import torch
from torch import Tensor, nn

_WARM_UP: Final = 3  # as often as torch.cuda.make_graphed_callables does


class CudaGraph:
    """A network for inputs of one shape, as a CUDA graph.

    Args:
        module: network on the GPU, without data-dependent control flow.
        sample: input of that shape and type, on the GPU.

    Raises:
        RuntimeError: the network cannot be recorded.
    """

    def __init__(self, module: nn.Module, sample: Tensor) -> None:
        self._input = sample.clone()
        stream = torch.cuda.Stream(sample.device)
        stream.wait_stream(torch.cuda.current_stream(sample.device))
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):  # chooses kernels and allocates memory before recording
                module(self._input)
        torch.cuda.current_stream(sample.device).wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU for other networks meanwhile.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._output: Tensor = module(self._input)

    def __call__(self, tiles: Tensor) -> Tensor:
        """Compute a batch; the next call overwrites the result."""
        self._input.copy_(tiles)
        self._graph.replay()
        return self._output
