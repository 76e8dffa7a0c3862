"""Whether a colour profile is sRGB, judged by its colorants and curves: names say anything.

Layout of profiles and curves: ICC.1:2022, sections 7.2, 7.3, 10.6 and 10.18. Colorants: IEC 61966-2-1, adapted to D50.
"""

import struct

COLORANTS = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
CURVES = {b"RGB ": (b"rTRC", b"gTRC", b"bTRC"), b"GRAY": (b"kTRC",)}
MAX_COLORANT_ERROR = 0.004
"""Profiles of sRGB by different makers differ by 0.002 at most; Display P3's red differs by 0.08."""
MAX_CURVE_ERROR = 0.012
"""Of linear light: about one level of 255. A gamma of 2.2 differs by 0.008 from sRGB's curve, one of 1.8 by 0.07."""
MAX_TAGS = 100
SAMPLES = [number / 16 for number in range(17)]


def is_srgb(profile: bytes) -> bool:
    """Whether the profile's colours are those of sRGB, or its grey that of sRGB's curve. A damaged profile is not."""
    try:
        space, tags = profile[16:20], _tags(profile)
        curves = CURVES.get(space)
        if curves is None or b"A2B0" in tags:
            return False
        colours = space == b"GRAY" or all(_is_near(_xyz(tags[name]), wanted) for name, wanted in COLORANTS.items())
        return colours and all(_is_srgb_curve(tags[name]) for name in curves)
    except (struct.error, KeyError, IndexError, ZeroDivisionError, OverflowError, ValueError):
        return False


def _tags(profile: bytes) -> dict[bytes, bytes]:
    count = min(struct.unpack_from(">I", profile, 128)[0], MAX_TAGS)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * number) for number in range(count)]
    return {name: profile[start : start + size] for name, start, size in entries}


def _xyz(tag: bytes) -> tuple[float, ...]:
    return tuple(value / 65536 for value in struct.unpack_from(">3i", tag, 8))


def _is_near(values: tuple[float, ...], wanted: tuple[float, ...]) -> bool:
    return all(abs(value - other) <= MAX_COLORANT_ERROR for value, other in zip(values, wanted, strict=True))


def _is_srgb_curve(tag: bytes) -> bool:
    return all(abs(_curve(tag, x) - _srgb_curve(x)) <= MAX_CURVE_ERROR for x in SAMPLES)


def _srgb_curve(x: float) -> float:
    return x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4


def _curve(tag: bytes, x: float) -> float:
    """The curve's value at x, both from 0 to 1. Raises KeyError for an unknown kind of curve."""
    if tag[:4] == b"para":
        return _parametric(tag, x)
    if tag[:4] != b"curv":
        raise KeyError(tag[:4])
    count = struct.unpack_from(">I", tag, 8)[0]
    if count == 0:
        return x
    if count == 1:
        return x ** (struct.unpack_from(">H", tag, 12)[0] / 256)
    place = x * (count - 1)
    index = min(int(place), count - 2)
    low, high = (value / 65535 for value in struct.unpack_from(">2H", tag, 12 + 2 * index))
    return low + (high - low) * (place - index)


def _parametric(tag: bytes, x: float) -> float:
    kind = struct.unpack_from(">H", tag, 8)[0]
    count = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}[kind]
    g, a, b, c, d, e, f = ([v / 65536 for v in struct.unpack_from(f">{count}i", tag, 12)] + [0.0] * 6)[:7]
    match kind:
        case 0:
            return x**g
        case 1 | 2:
            return max(0.0, a * x + b) ** g + c if x >= -b / a else c
        case _:
            return max(0.0, a * x + b) ** g + e if x >= d else c * x + f
