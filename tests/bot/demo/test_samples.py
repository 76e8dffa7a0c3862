"""The pictures that the demo's page offers: the list, its licences and names."""

import re

from bot.demo.samples import SAMPLES_FILE, link_samples, list_samples, photo_folder, write_pack
from configs.settings import ROOT, Settings
from storage.media.picture_pack import PicturePack

LICENCES = {"Apache-2.0", "CC0-1.0", "public domain", "no known copyright restrictions"}
PHRASES = ROOT / "bot" / "sandbox" / "page" / "phrases_zh.js"


def test_there_are_24_pictures_with_photos_among_them_each_with_a_licence_and_a_credit():
    samples = list_samples(photo_folder(Settings()))
    assert len(samples) == 24 and all(sample.path.is_file() for sample in samples)
    assert {sample.licence for sample in samples} <= LICENCES and all(sample.credit for sample in samples)
    drawn = [sample for sample in samples if sample.path.parent == SAMPLES_FILE.with_name("samples")]
    assert len(samples) - len(drawn) >= 8
    assert {sample.path for sample in drawn} == set(SAMPLES_FILE.with_name("samples").iterdir())


def test_each_picture_has_its_own_name_and_the_page_has_the_chinese_one():
    samples = list_samples(photo_folder(Settings()))
    assert len({sample.subject for sample in samples}) == len(samples)
    named = re.search(r"sampleNames: \{(.*?)\}", PHRASES.read_text(encoding="utf-8"), re.DOTALL)
    assert named is not None
    words = {en.strip('"'): zh for en, zh in re.findall(r'("[^"]+"|\w+): "([^"]+)"', named[1])}
    assert words == {sample.names["en"]: sample.names["zh"] for sample in samples}


def test_the_links_are_in_the_order_of_the_list(tmp_path):
    folder = link_samples(Settings(), tmp_path)
    names = [file.stem.split(" ", 1)[1] for file in sorted(folder.iterdir())]
    assert names == [sample.subject for sample in list_samples(photo_folder(Settings()))]


def test_the_pack_for_rounds_has_all_of_them_with_their_licences(tmp_path):
    pack = PicturePack(write_pack(Settings(), tmp_path))
    assert pack.problems == [] and len(pack.pictures) == 24
    assert {(picture.author, picture.licence) for picture in pack.pictures} == {
        (sample.credit, sample.licence) for sample in list_samples(photo_folder(Settings()))
    }
    assert all(pack.read(picture, 5_000_000) for picture in pack.pictures)
