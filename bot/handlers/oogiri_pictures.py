"""The photo of a round as its opening shows it: the file, and the credit of a picture from the pack."""

from pathlib import Path

from bot.messaging.stored_photos import read_for_telegram
from storage.database import Database
from storage.media.decoder_pool import DecoderPool
from storage.media.photo_credits import get_credit
from storage.media.photos import get_photo


class RoundPictures:
    """Reads photos of rounds. `folder`: the stored photos."""

    def __init__(self, database: Database, folder: Path, decoders: DecoderPool) -> None:
        self._database, self._folder, self._decoders = database, folder, decoders

    async def file(self, photo_id: int) -> bytes | None:
        """A photo as Telegram takes it; None where it can't be read."""
        photo = await get_photo(self._database, photo_id)
        return await read_for_telegram(self._folder, self._decoders, photo) if photo else None

    async def credit(self, photo_id: int) -> str:
        """Title, author, licence and source of a picture from a pack; "" for a photo that a user sent."""
        credit = await get_credit(self._database, photo_id)
        return credit.line if credit else ""
