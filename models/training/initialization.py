"""Build the networks of a run, with weights of an earlier run."""

import operator
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from torch import Tensor

from slimgate.models.training import run_files, shipped
from slimgate.models.training.downscaling import Downscaler
from slimgate.models.training.errors import Unusable
from slimgate.models.training.network import PlainStack
from slimgate.models.training.quantized import QuantizedStack
from slimgate.models.training.settings import Downscaler as Shape
from slimgate.models.training.settings import Run

_LAST: Final = ("last.",)
_OUTER: Final = ("stack.first.", "stack.last.")


def build(run: Run, batches: Iterable[Tensor]) -> PlainStack | QuantizedStack:
    """Return the initial network of a run that restores.

    Args:
        run: configuration.
        batches: inputs for measuring the range of activations of an integer network.

    Raises:
        Unusable: the start checkpoint does not fit.
    """
    network = build_float(run)
    return rounded(network, batches) if run.integer else network


def build_float(run: Run) -> PlainStack:
    """Return the initial network of a run that restores, in floats even if it is for integers.

    Raises:
        Unusable: the start checkpoint does not fit.
    """
    network = PlainStack(run.scale, width=run.network.width, depth=run.network.depth)
    if run.start is not None:
        learned = _learned(run.start)
        if "exponents" in learned:
            raise Unusable(f"{run.start} belongs to an integer run; start from its float parent")
        network.load_state_dict(_fitting(run, network.state_dict(), learned))
    elif run.integer:
        raise Unusable("an integer run starts from a float checkpoint: pass it with --start")
    return network


def build_downscaler(run: Run, shape: Shape) -> Downscaler:
    """Return the initial network of a run that shrinks, in floats even if it is for integers.

    It starts as that of the start checkpoint; or with the inner layers of one of another scale; or
    else with Lanczos' filter.

    Args:
        run: configuration.
        shape: its downscaler.

    Raises:
        Unusable: the start checkpoint does not fit.
    """
    network = Downscaler(run.scale, width=shape.width, depth=shape.depth)
    learned = _learned_downscaler(run)
    if learned is None:
        return network
    own = network.state_dict()
    fitting = {name: value for name, value in learned.items() if _same(own.get(name), value)}
    if fitting.keys() != own.keys():
        if run.integer:
            raise Unusable(f"{run.start} has a downscaler of another scale or shape")
        # Behind a new first layer, what the last one has learned would spoil every image at first.
        fitting = {name: fitting[name] for name in fitting if not name.startswith(_OUTER)}
    network.load_state_dict({**own, **fitting})
    return network


def _learned_downscaler(run: Run) -> Mapping[str, Tensor] | None:
    if run.start is not None and run.start.suffix != shipped.SUFFIX:
        learned = run_files.read(run.start).downscaler
        if learned is not None:
            return learned
    if run.integer:
        raise Unusable(f"{run.start} has no downscaler: start from a run that trained one")
    return None


def _same(own: Tensor | None, learned: Tensor) -> bool:
    return own is not None and own.shape == learned.shape


def rounded(network: PlainStack, batches: Iterable[Tensor]) -> QuantizedStack:
    """Return a network in integers.

    Args:
        network: float network.
        batches: its inputs, for measuring the range of activations.
    """
    width, inputs, *_ = network.first.kernel.shape
    depth = len(network.inner)
    quantized = QuantizedStack(network.scale, width=width, depth=depth, inputs=inputs)
    quantized.take(network, batches)
    return quantized


def _learned(start: Path) -> Mapping[str, Tensor]:
    if start.suffix == shipped.SUFFIX:
        return shipped.weights(start)
    return run_files.read(start).network


def _fitting(
    run: Run, own: Mapping[str, Tensor], learned: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the weights that fit; another scale has its own last layer."""
    last = learned.get("last.bias")
    same_scale = last is not None and last.shape == own["last.bias"].shape
    spared = () if run.integer or same_scale else _LAST
    wanted = [name for name in sorted(own) if not name.startswith(spared)]
    fitting = {
        name: _widened(own[name], learned[name])
        for name in wanted
        if name in learned and _fits(run, own[name], learned[name])
    }
    missing = [name for name in wanted if name not in fitting]
    if missing:
        raise Unusable(f"{run.start} has another scale or shape: {', '.join(missing)} do not fit")
    return {**own, **fitting}


def _fits(run: Run, own: Tensor, learned: Tensor) -> bool:
    mine, other = tuple(own.shape), tuple(learned.shape)
    if run.integer or len(mine) != len(other):
        return mine == other
    return all(map(operator.le, other, mine))


def _widened(own: Tensor, learned: Tensor) -> Tensor:
    """Add randomly initialized channels to the weights of a narrower network.

    Existing weights ignore the new channels at first, so the wider network starts with the results
    of the narrower one.
    """
    wide = own.clone()
    wide[: learned.shape[0]] = 0
    wide[tuple(map(slice, learned.shape))] = learned
    return wide
