"""Photos from a pack of free pictures keep their licence in datasets and in exports for other tools."""

import json

from configs.blocklist import BlockList
from configs.settings import SelectionSettings
from storage.media.photo_credits import add_pack_photo, get_credits
from storage.media.photos import check_photo
from storage.media.picture_pack import PictureCredit
from tests.trainer.conftest import make_picture
from trainer.dataset.check import check_dataset
from trainer.dataset.preference_files import LICENCE, write_preferences
from trainer.dataset.preferences import read_preferences

FOX = PictureCredit("fox.jpg", "A fox", "Ann", "CC-BY-4.0", "https://example.org/fox")


async def test_licences_of_a_packs_pictures_are_in_the_manifest_and_in_preferences(memory, tmp_path):
    checked = check_photo(make_picture(99, (160, 120)), max_bytes=10**7, max_pixels=10**8)
    free = await add_pack_photo(memory.database, memory.photos, checked, FOX)
    sent = await memory.photo()
    for photo in (free, sent):
        await memory.rated("332", photo, f"Better {photo.id}")
        await memory.rated("121", photo, f"Worse {photo.id}")
    exported = await memory.exporter(holdout_share=1e-9).export()
    assert exported.manifest["licences"] == {
        free.sha256: {
            "name": "fox.jpg",
            "title": "A fox",
            "author": "Ann",
            "licence": "CC-BY-4.0",
            "source": "https://example.org/fox",
        }
    }
    assert check_dataset(exported.directory, memory.budget) == []
    data = await read_preferences(memory.database, SelectionSettings(holdout_share=1e-9), BlockList())
    found = await get_credits(memory.database, [pair.photo.id for pair in data.pairs])
    licences = {number: credit.line for number, credit in found.items()}
    write_preferences(data, memory.photos, tmp_path / "out", "swift", licences)
    rows = [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text().splitlines()]
    assert {row["licence"] for row in rows} == {LICENCE, "A fox · Ann · CC-BY-4.0 · https://example.org/fox"}
