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
    problems = [*pack.problems, *await _unreadable(settings, pack, pack.pictures[:MAX_CHECKED])]
    usable = len(pack.pictures) - (len(problems) - len(pack.problems))
    licences = ", ".join(f"{name} ({count})" for name, count in Counter(p.licence for p in pack.pictures).most_common())
    found = DoctorFinding(
        "ok" if usable else "bad",
        "pictures",
        f"{path} has {usable} pictures for rounds: {licences}" if usable else f"{path} has no picture for rounds",
        "" if usable else "docs/oogiri.md describes a pack",
    )
    if not problems:
        return [found]
    more = f"; {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return [found, DoctorFinding("note", "pictures", f"not used: {'; '.join(problems[:SHOWN])}{more}")]


async def _unreadable(settings: Settings, pack: PicturePack, pictures: list[PictureCredit]) -> list[str]:
    """The pictures that can't be used, with the reason."""
    decoders, problems = DecoderPool(settings.limits), []
    try:
        for picture in pictures:
            try:
                data = await asyncio.to_thread(pack.read, picture, settings.limits.photo_bytes)
                await decoders.check(data, NO_USER)
            except (PhotoError, DecoderUnavailable) as error:
                problems.append(f"{picture.name}: {str(error).split(';')[0].rstrip('.')}")
    finally:
        await decoders.close()
    return problems
