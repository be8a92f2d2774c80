"""The reliability curve as SVG: how sure reads were, from left to right, and how many of them were right, upwards."""

from collections.abc import Mapping, Sequence

from platekeeper_recognition.reliability import Bin

_SIDE, _RIM = 300, 52
_COLOURS = ("#1a4480", "#b3261e", "#2e6b34", "#7a4a00")
_TYPE = 'font-family="sans-serif" font-size="11"'
_LARGEST = 7.0
"""Radius in pixels of the point of the fullest bin."""


def svg(title: str, curves: Mapping[str, Sequence[Bin]]) -> str:
    """One curve a name, its points as large as their bins are full; whiskers span two sigma of chance either way."""
    whole = _SIDE + 2 * _RIM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" {_TYPE}>',
        f"<title>{title}</title>",
        f'<rect width="{whole}" height="{whole}" fill="#ffffff"/>',
        f'<text x="{_RIM}" y="24" font-size="13">{title}</text>',
        *_grid(),
    ]
    for place, (name, bins) in enumerate(curves.items()):
        parts += _curve(name, bins, _COLOURS[place % len(_COLOURS)], place)
    return "\n".join([*parts, "</svg>", ""])


def _grid() -> list[str]:
    parts = []
    for tenths in range(0, 11, 2):
        share = tenths / 10
        x, y = _x(share), _y(share)
        parts += [
            f'<path d="M{x:.1f} {_y(0):.1f}V{_y(1):.1f}M{_x(0):.1f} {y:.1f}H{_x(1):.1f}" stroke="#dddddd"/>',
            f'<text x="{x:.1f}" y="{_y(0) + 16:.1f}" text-anchor="middle">{share:.1f}</text>',
            f'<text x="{_x(0) - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{share:.1f}</text>',
        ]
    middle, below, left = _RIM + _SIDE / 2, _RIM + _SIDE + 36, 16
    return [
        *parts,
        f'<path d="M{_x(0):.1f} {_y(0):.1f}L{_x(1):.1f} {_y(1):.1f}" stroke="#777777" stroke-dasharray="4 4"/>',
        f'<text x="{middle}" y="{below}" text-anchor="middle">confidence</text>',
        f'<text x="{left}" y="{middle}" text-anchor="middle" transform="rotate(-90 {left} {middle})">read right</text>',
    ]


def _curve(name: str, bins: Sequence[Bin], colour: str, place: int) -> list[str]:
    fullest = max(each.reads for each in bins)
    line = "L".join(f"{_x(each.confidence):.1f} {_y(each.right):.1f}" for each in bins)
    parts = [f'<path d="M{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>']
    for each in bins:
        x, y = _x(each.confidence), _y(each.right)
        low, high = max(each.right - 2 * each.deviation, 0), min(each.right + 2 * each.deviation, 1)
        radius = max(_LARGEST * (each.reads / fullest) ** 0.5, 1.5)
        told = f"<title>{each.reads} reads, {each.confidence:.3f} sure, {each.right:.3f} right</title>"
        parts += [
            f'<path d="M{x:.1f} {_y(low):.1f}V{_y(high):.1f}" stroke="{colour}" opacity=".5"/>',
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" opacity=".6">{told}</circle>',
        ]
    y = _RIM + 16 + 16 * place
    return [*parts, f'<text x="{_RIM + 10}" y="{y}" fill="{colour}">{name}</text>']


def _x(share: float) -> float:
    return _RIM + _SIDE * share


def _y(share: float) -> float:
    return _RIM + _SIDE * (1 - share)
