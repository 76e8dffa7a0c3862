"""Tells pictures in ISO base media files (AVIF, HEIC) from videos in such files, by their brands.

Brands: ISO/IEC 14496-12, section 4.3; of AVIF: https://aomediacodec.github.io/av1-avif/; of HEIC: ISO/IEC 23008-12.
"""

from typing import Literal

AVIF = {b"avif", b"avis"}
HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
"""mif1 and msf1 are brands of HEIF pictures in general: what codes them is said by another brand."""
MAX_BOX = 256


def box_kind(data: bytes) -> Literal["avif", "heic", "video", ""]:
    """What the first box says: "" for a file that is no ISO base media file."""
    if data[4:8] in (b"moov", b"mdat"):
        return "video"
    if data[4:8] != b"ftyp":
        return ""
    size = min(int.from_bytes(data[:4], "big"), MAX_BOX)
    brands = {data[8:12], *(data[start : start + 4] for start in range(16, size, 4))}
    if brands & AVIF:
        return "avif"
    return "heic" if data[8:12] in HEIC else "video"


def avif_size(data: bytes) -> tuple[int, int]:
    """Width and height of the largest image in an AVIF file, by its `ispe` boxes; (0, 0) without one."""
    sizes, place = [(0, 0)], -1
    while (place := data.find(b"ispe", place + 1, 1 << 20)) >= 0 and len(sizes) < 1000:
        sizes.append(
            (int.from_bytes(data[place + 8 : place + 12], "big"), int.from_bytes(data[place + 12 : place + 16], "big"))
        )
    return max(sizes, key=lambda size: size[0] * size[1])
