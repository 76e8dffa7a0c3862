"""Photos from the pack of free pictures that the settings name (`oogiri.pack`)."""

import asyncio
import logging
import random
from pathlib import Path

from bot.jokes.moderation import Moderator
from storage.database import Database
from storage.media.decoder_pool import NO_USER, DecoderPool
from storage.media.photo_credits import add_pack_photo, list_used_names
from storage.media.photos import Photo, PhotoError
from storage.media.picture_pack import PackError, PictureCredit, PicturePack

log = logging.getLogger(__name__)

MAX_TRIES = 8
"""Pictures that are tried where some can't be used."""


class PackPhotos:
    """Chooses pictures of the pack at `path` and stores them like photos that users send; "" for no pack."""

    def __init__(
        self,
        database: Database,
        path: str,
        folder: Path,
        decoders: DecoderPool,
        moderator: Moderator,
        max_bytes: int,
    ) -> None:
        self._database, self._path, self._folder = database, path, folder
        self._decoders, self._moderator, self._max_bytes = decoders, moderator, max_bytes

    @property
    def exists(self) -> bool:
        """Whether the settings name a pack."""
        return bool(self._path)

    async def next_photo(self, chat_id: int) -> Photo:
        """A picture that the chat's rounds have not had yet, by chance; else the one that they had longest ago.

        Pictures are checked, moderated and stored as photos of users are. Raises PackError where none can be used, and
        PhotoFolderError, DecoderUnavailable.
        """
        if not self._path:
            raise PackError("There is no pack of pictures (setting oogiri.pack).")
        pack = await asyncio.to_thread(PicturePack, Path(self._path))
        used = await list_used_names(self._database, chat_id)
        pictures = random.sample(pack.pictures, len(pack.pictures))
        pictures.sort(key=lambda picture: used.get(picture.name, 0.0))
        for picture in pictures[:MAX_TRIES]:
            try:
                return await self._store(pack, picture)
            except PhotoError as error:
                log.warning("the picture %s of the pack %s can't be used: %s", picture.name, self._path, error)
        raise PackError(f"The pack {self._path} has no picture that can be used; `jokebot doctor` checks it.")

    async def _store(self, pack: PicturePack, picture: PictureCredit) -> Photo:
        data = await asyncio.to_thread(pack.read, picture, self._max_bytes)
        checked = await self._decoders.check(data, NO_USER)
        if self._moderator.is_active:
            await self._moderator.check(checked)
        return await add_pack_photo(self._database, self._folder, checked, picture)
