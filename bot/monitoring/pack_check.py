"""The doctor's check of the pack of free pictures that rounds of Oogiri use."""

import asyncio
from collections import Counter
from pathlib import Path

from bot.monitoring.doctor_finding import DoctorFinding
from configs.settings import Settings
from storage.media.decoder_pool import NO_USER, DecoderPool, DecoderUnavailable
from storage.media.photos import PhotoError
from storage.media.picture_pack import PackError, PictureCredit, PicturePack

MAX_CHECKED, SHOWN = 200, 3
"""Pictures of a pack that are decoded, and problems that are shown."""


async def check_pack(settings: Settings) -> list[DoctorFinding]:
    """Read the pack's table and decode its pictures as users' photos are decoded."""
    path = settings.oogiri.pack
    if not path:
        return []
    try:
        pack = await asyncio.to_thread(PicturePack, Path(path))
    except PackError as error:
        return [DoctorFinding("bad", "pictures", str(error), "docs/oogiri.md describes a pack")]
    refused = await _refused(settings, pack, pack.pictures[:MAX_CHECKED])
    usable = [picture for picture in pack.pictures if picture.name not in refused]
    counted = Counter(picture.licence for picture in usable).most_common()
    licences = ", ".join(f"{name} ({count})" for name, count in counted)
    found = DoctorFinding(
        "ok" if usable else "bad",
        "pictures",
        f"{path} has pictures for rounds: {licences}" if usable else f"{path} has no picture for rounds",
        "" if usable else "docs/oogiri.md describes a pack",
    )
    problems = [*pack.problems, *(f"{name}: {reason}" for name, reason in refused.items())]
    if not problems:
        return [found]
    more = f"; {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return [found, DoctorFinding("note", "pictures", f"not used: {'; '.join(problems[:SHOWN])}{more}")]


async def _refused(settings: Settings, pack: PicturePack, pictures: list[PictureCredit]) -> dict[str, str]:
    """The pictures that can't be used, by name, with the reason."""
    decoders, refused = DecoderPool(settings.limits), {}
    try:
        for picture in pictures:
            try:
                data = await asyncio.to_thread(pack.read, picture, settings.limits.photo_bytes)
                await decoders.check(data, NO_USER)
            except (PhotoError, DecoderUnavailable) as error:
                refused[picture.name] = str(error).split(";")[0].rstrip(".")
    finally:
        await decoders.close()
    return refused
