"""The photo of a round as its opening shows it: the file, and the credit of a picture from the pack."""

from pathlib import Path

from bot.jokes.sendable_picture import sendable_picture
from storage.database import Database
from storage.media.decoder_pool import DecoderPool
from storage.media.photo_credits import get_credit
from storage.media.photos import get_photo, photo_path


class RoundPictures:
    """Reads photos of rounds. `folder`: the stored photos."""

    def __init__(self, database: Database, folder: Path, decoders: DecoderPool) -> None:
        self._database, self._folder, self._decoders = database, folder, decoders

    async def file(self, photo_id: int) -> bytes | None:
        """A photo as Telegram takes it; None where it can't be read."""
        photo = await get_photo(self._database, photo_id)
        if photo is None:
            return None
        path = photo_path(self._folder, photo)
        return await sendable_picture(self._decoders, path, photo.bytes, photo.width + photo.height)

    async def credit(self, photo_id: int) -> str:
        """Title, author, licence and source of a picture from a pack; "" for a photo that a user sent."""
        credit = await get_credit(self._database, photo_id)
        if credit is None:
            return ""
        return " · ".join(part for part in (credit.title, credit.author, credit.licence, credit.source) if part)
