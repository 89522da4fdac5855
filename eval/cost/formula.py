"""Formulas on named inputs: defined once, evaluated in Python and in a page's script.

Python's operators, ``largest``, ``smallest``, ``total`` and ``choose`` build formulas.
:func:`evaluate` evaluates one; a :class:`Table` serializes many as JSON, which a short script
evaluates in the same order, with the same results.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Union

Value = float | str | None
"""Result of a formula: a number, a word, or None."""

Term = Union["Formula", float]


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """One step of a calculation.

    Attributes:
        operation: ``value``, ``input``, ``+``, ``-``, ``*``, ``/``, ``min``, ``max``, ``sum``, or
            ``choose`` (``a > b ? c : d``, evaluating only the chosen branch).
        parts: operands; for ``value`` the value, for ``input`` its name.
    """

    operation: str
    parts: tuple[Any, ...]

    def __add__(self, other: Term) -> "Formula":
        return Formula("+", (self, constant(other)))

    def __radd__(self, other: float) -> "Formula":
        return Formula("+", (constant(other), self))

    def __sub__(self, other: Term) -> "Formula":
        return Formula("-", (self, constant(other)))

    def __rsub__(self, other: float) -> "Formula":
        return Formula("-", (constant(other), self))

    def __mul__(self, other: Term) -> "Formula":
        return Formula("*", (self, constant(other)))

    def __rmul__(self, other: float) -> "Formula":
        return Formula("*", (constant(other), self))

    def __truediv__(self, other: Term) -> "Formula":
        return Formula("/", (self, constant(other)))


def constant(value: "Formula | Value") -> Formula:
    """Return a value as a formula; a formula as it is."""
    return value if isinstance(value, Formula) else Formula("value", (value,))


def named(name: str) -> Formula:
    """Return an input."""
    return Formula("input", (name,))


def smallest(one: Term, other: Term) -> Formula:
    """Return the smaller of two numbers."""
    return Formula("min", (constant(one), constant(other)))


def largest(one: Term, other: Term) -> Formula:
    """Return the larger of two numbers."""
    return Formula("max", (constant(one), constant(other)))


def total(*terms: Term) -> Formula:
    """Return the sum of any number of terms."""
    return Formula("sum", tuple(map(constant, terms)))


def choose(
    larger: Term, smaller: Term, then: "Formula | Value", other: "Formula | Value"
) -> Formula:
    """Return ``then`` if ``larger`` exceeds ``smaller``, else ``other``."""
    return Formula("choose", tuple(map(constant, (larger, smaller, then, other))))


_ARITHMETIC: Final[Mapping[str, Callable[..., float]]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "min": min,
    "max": max,
    "sum": lambda *terms: math.fsum(terms),
}


def evaluate(formula: Formula, inputs: Mapping[str, float]) -> Value:
    """Evaluate a formula.

    Raises:
        KeyError: an input is missing.
        ZeroDivisionError: division by 0.
    """
    parts = formula.parts
    if formula.operation == "value":
        value: Value = parts[0]
        return value
    if formula.operation == "input":
        return inputs[parts[0]]
    if formula.operation == "choose":
        larger, smaller = (_number(part, inputs) for part in parts[:2])
        return evaluate(parts[2] if larger > smaller else parts[3], inputs)
    return _ARITHMETIC[formula.operation](*(_number(part, inputs) for part in parts))


def _number(formula: Formula, inputs: Mapping[str, float]) -> float:
    value = evaluate(formula, inputs)
    if not isinstance(value, float | int):
        raise TypeError(f"a formula calculates with {value!r}, which is no number")
    return value


class Table:
    """Formulas as JSON: steps ``[operation, ...parts]`` whose parts are indices of earlier steps.

    Formulas share common steps.
    """

    def __init__(self) -> None:
        self.steps: list[list[Any]] = []
        self._index: dict[tuple[Any, ...], int] = {}

    def add(self, formula: Formula) -> int:
        """Add a formula, and return the index of its last step."""
        parts = formula.parts
        if formula.operation not in {"value", "input"}:
            parts = tuple(self.add(part) for part in parts)
        # 1 == 1.0 == True in Python, and all of them are 1 in JSON.
        step = (formula.operation, *parts)
        if step not in self._index:
            self._index[step] = len(self.steps)
            self.steps.append(list(step))
        return self._index[step]


__all__ = [
    "Formula",
    "Table",
    "Term",
    "Value",
    "choose",
    "constant",
    "evaluate",
    "largest",
    "named",
    "smallest",
    "total",
]
