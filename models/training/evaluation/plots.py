"""Draw curves as SVG: two panels, PSNR and SSIM over bits per pixel."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from slimgate.models.training.evaluation.curves import Curve

# Okabe and Ito 2008: distinguishable with any colour vision.
_COLOURS: Final = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_DASHES: Final = ("", "7 3", "2 3")
_WIDTH: Final = 980
_PANEL: Final = (400, 300)
_LEFTS: Final = (60, 550)
_TOP: Final = 50
_LEGEND_ROW: Final = 20
_LEGEND_COLUMNS: Final = 3
_TICKS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class Line:
    """The curves of one contender.

    Attributes:
        label: label in the legend.
        psnr: PSNR in dB over bits.
        ssim: SSIM over bits.
    """

    label: str
    psnr: Curve
    ssim: Curve


def draw(title: str, lines: Sequence[Line]) -> str:
    """Draw a figure.

    Args:
        title: title above both panels.
        lines: at least one, each with at least one point.

    Returns:
        The SVG file.
    """
    rows = -(-len(lines) // _LEGEND_COLUMNS)
    height = _TOP + _PANEL[1] + 60 + rows * _LEGEND_ROW
    middle = _WIDTH // 2
    body = [
        f'<text x="{middle}" y="24" text-anchor="middle" font-size="16">{escape(title)}</text>',
        *_panel(_LEFTS[0], "PSNR (dB)", [line.psnr for line in lines]),
        *_panel(_LEFTS[1], "SSIM", [line.ssim for line in lines]),
        *_legend([line.label for line in lines]),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12">\n<title>{escape(title)}</title>\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _panel(left: int, name: str, curves: Sequence[Curve]) -> Iterator[str]:
    bits = [value for curve in curves for value in curve.bits]
    values = [value for curve in curves for value in curve.values]
    across = _Axis(math.log(min(bits)), math.log(max(bits)), left, left + _PANEL[0])
    up = _Axis(min(values), max(values), _TOP + _PANEL[1], _TOP)
    yield (
        f'<rect x="{left}" y="{_TOP}" width="{_PANEL[0]}" height="{_PANEL[1]}" '
        'fill="none" stroke="#888"/>'
    )
    yield f'<text x="{left}" y="{_TOP - 6}">{name}</text>'
    yield from _grid(left, across, up)
    for index, curve in enumerate(curves):
        points = " ".join(
            f"{across(math.log(bit)):.1f},{up(value):.1f}"
            for bit, value in zip(curve.bits, curve.values, strict=True)
        )
        yield f'<polyline points="{points}" fill="none" stroke-width="1.8" {_style(index)}/>'


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)


def _grid(left: int, across: _Axis, up: _Axis) -> Iterator[str]:
    bottom = _TOP + _PANEL[1]
    for bits in _TICKS:
        if across.low <= math.log(bits) <= across.high:
            x = across(math.log(bits))
            yield f'<path d="M{x:.1f} {_TOP}V{bottom}" stroke="#ddd"/>'
            yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{bits:g}</text>'
    for value in _round_values(up.low, up.high):
        y = up(value)
        yield f'<path d="M{left} {y:.1f}h{_PANEL[0]}" stroke="#ddd"/>'
        yield f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
    middle = left + _PANEL[0] // 2
    yield f'<text x="{middle}" y="{bottom + 34}" text-anchor="middle">bits per pixel</text>'


def _round_values(low: float, high: float) -> list[float]:
    """Return about five round numbers between two limits."""
    rough = max(high - low, 1e-6) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(index * step, 10) for index in range(first, last + 1)]


def _legend(labels: Sequence[str]) -> Iterator[str]:
    width = (_WIDTH - 80) // _LEGEND_COLUMNS
    for index, label in enumerate(labels):
        row, column = divmod(index, _LEGEND_COLUMNS)
        x, y = _LEFTS[0] + column * width, _TOP + _PANEL[1] + 60 + row * _LEGEND_ROW
        yield f'<path d="M{x} {y - 4}h28" fill="none" stroke-width="2.5" {_style(index)}/>'
        yield f'<text x="{x + 36}" y="{y}">{escape(label)}</text>'


def _style(index: int) -> str:
    colour = _COLOURS[index % len(_COLOURS)]
    dashes = _DASHES[index // len(_COLOURS) % len(_DASHES)]
    return f'stroke="{colour}"' + (f' stroke-dasharray="{dashes}"' if dashes else "")
