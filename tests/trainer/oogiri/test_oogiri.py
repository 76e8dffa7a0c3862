"""CLoT-Oogiri-GO's rows and the tutorial's file become a dataset; what is dropped is said.

The rows here are our own.
"""

import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from configs.prompts import load_prompts
from configs.settings import LimitSettings, SelectionSettings
from storage.database import Database
from storage.learning import datasets
from storage.learning.dataset_files import read_dataset
from trainer.dataset.check import check_dataset
from trainer.dataset.token_budget import load_token_budget
from trainer.demo_model.architectures import SHAPES
from trainer.demo_model.random_weights import write_random
from trainer.oogiri.importer import Importer, OogiriImport
from trainer.oogiri.parser import OogiriError

TEXTS = [
    "老板说今晚加班有惊喜",
    "猫咪以为自己是总经理",
    "外卖到了，人没了",
    "这条鱼在思考人生",
    "爷爷的假牙又离家出走了",
    "我妈说这叫时尚",
    "当你发现周一是明天",
    "冰箱里只剩下梦想",
    "恐龙灭绝是因为没带伞",
    "邻居家的狗学会了打卡",
]


def picture(seed: int, size=(160, 120), **options) -> bytes:
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def row(image, text, star=5, kind="I2T", question=None, **more):
    return {"type": kind, "question": question, "image": image, "text": text, "star": star} | more


@pytest.fixture(scope="session")
def budget(tmp_path_factory):
    directory = tmp_path_factory.mktemp("checkpoints") / "tiny"
    write_random(directory, SHAPES["tiny"], seed=0)
    return load_token_budget(directory, 8192)


@pytest.fixture
async def bring(tmp_path, budget):
    """Write rows (dicts, or lines as they are) to a file and import them; ten pictures 100…109 are there."""
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    images = tmp_path / "images"
    images.mkdir()
    for number in range(10):
        (images / f"{100 + number}.jpg").write_bytes(picture(number))
    importer = Importer(database, tmp_path / "datasets", SelectionSettings(holdout_share=1e-9), LimitSettings(), budget)

    async def run(rows, name="cn.jsonl", **options):
        file = tmp_path / name
        content = (
            json.dumps(rows)
            if name.endswith(".json")
            else "\n".join(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in rows)
        )
        file.write_text(content, encoding="utf-8")
        return await importer.run(OogiriImport(file, images, **options))

    run.images, run.database, run.importer = images, database, importer
    yield run
    await database.close()


async def test_rows_about_pictures_become_xtuner_rows(bring, budget):
    imported = await bring(
        [
            row("100", TEXTS[0]),
            row("101", TEXTS[1], kind="IT2T", question="他在想什么？"),
            row("102", TEXTS[2], kind="T2T"),
        ]
    )
    contents = read_dataset(imported.directory)
    questions = [one["conversations"][0]["value"] for one in contents.train]
    assert set(questions) == {
        "<image>\n请你根据这张图片，讲一个脑洞大开的梗",
        "<image>\n" + load_prompts().ask("zh", caption="他在想什么？"),
    }
    assert {one["conversations"][1]["value"] for one in contents.train} == set(TEXTS[:2])
    assert imported.dropped == {"it is about no picture (T2T)": 1}
    assert check_dataset(imported.directory, budget) == []
    (known,) = await datasets.all_datasets(bring.database)
    assert known.name == imported.directory.name and known.source == "oogiri"


async def test_rows_whose_question_stands_in_the_picture_are_kept(bring):
    """All IT2T rows of CLoT-Oogiri-GO are of this kind."""
    without = row("102", TEXTS[2], kind="IT2T")
    del without["question"]
    rows = [row("100", TEXTS[0], kind="IT2T"), row("101", TEXTS[1], kind="IT2T", question=" "), without]
    imported = await bring(rows)
    assert imported.dropped == {}
    questions = [one["conversations"][0]["value"] for one in read_dataset(imported.directory).train]
    assert questions == ["<image>\n请你根据这张图片，讲一个脑洞大开的梗"] * 3


async def test_lists_of_one_element_stand_for_the_element(bring):
    imported = await bring([row(["100"], [TEXTS[0]], kind=["IT2T"], question=["他在想什么？"])])
    (one,) = read_dataset(imported.directory).train
    assert one["conversations"][1]["value"] == TEXTS[0] and "他在想什么？" in one["conversations"][0]["value"]


async def test_each_row_has_its_own_picture(bring):
    imported = await bring([row(str(100 + number), TEXTS[number]) for number in range(10)])
    contents = read_dataset(imported.directory)
    names = {entry["id"]: entry["picture"] for entry in contents.manifest["rows"]}
    for one in contents.train:
        assert one["conversations"][1]["value"] == TEXTS[int(names[one["id"]]) - 100]
        written = Image.open(imported.directory / one["image"]).convert("RGB")
        sent = Image.open(bring.images / f"{names[one['id']]}.jpg").convert("RGB")
        assert np.array_equal(np.asarray(written), np.asarray(sent))


@pytest.mark.parametrize(
    ("star", "expected"),
    [
        (5, 5),
        (5.0, 5),
        ("5", 5),
        ("1,234", 1234),
        ("１，２３４", 1234),
        ("1.2k", 1200),
        ("3.4万", 34000),
        ("10+", 10),
        (" 7 ", 7),
        (None, None),
        ("", None),
        ("viele", None),
        (True, None),
        (-3, None),
        ([5], None),
    ],
)
async def test_likes_are_read_in_all_their_forms(bring, star, expected):
    imported = await bring([row("100", TEXTS[0], star)])
    assert imported.manifest["rows"][0]["stars"] == expected


async def test_missing_likes_are_unknown_and_fail_a_least_number(bring):
    no_star = row("100", TEXTS[0])
    del no_star["star"]
    imported = await bring([no_star, row("101", TEXTS[1], "1,000"), row("102", TEXTS[2], 3)], min_stars=10)
    assert [entry["stars"] for entry in imported.manifest["rows"]] == [1000]
    assert imported.dropped == {"its likes are unknown": 1, "it has fewer than 10 likes": 1}


async def test_every_pictures_best_joke_comes_before_any_second(bring):
    rows = [
        row("100", TEXTS[0], 900),
        row("100", TEXTS[1], 800),
        row("101", TEXTS[2], 3),
        row("101", TEXTS[3], 2),
        row("100", TEXTS[4], 700),
    ]
    imported = await bring(rows, limit=3)
    assert [(entry["picture"], entry["stars"]) for entry in imported.manifest["rows"]] == [
        ("100", 900),
        ("101", 3),
        ("100", 800),
    ]
    assert imported.dropped == {"the limit was reached": 2}
    assert (await bring(rows)).dropped == {"its picture has enough jokes": 1}


async def test_doubles_of_picture_and_text_are_removed(bring):
    (bring.images / "200.jpg").write_bytes(picture(0))
    (bring.images / "201.jpg").write_bytes(picture(0, (320, 240)))
    imported = await bring(
        [
            row("100", TEXTS[0], 9),
            row("200", TEXTS[1], 8),
            row("201", TEXTS[2], 7),
            row("102", TEXTS[0] + "！！", 6),
            row("103", "爷爷的假牙今天又悄悄地离家出走了", 5),
            row("104", "爷爷的假牙今天又悄悄地离家出走啦", 4),
            row("105", TEXTS[9], 3),
        ]
    )
    assert [entry["picture"] for entry in imported.manifest["rows"]] == ["100", "103", "105"]
    assert imported.dropped == {
        "its picture is the same as another row's": 1,
        "its picture is nearly the same as another row's": 1,
        "its text is there already": 1,
        "its text is nearly there already": 1,
    }


async def test_japanese_rows_are_asked_in_japanese(bring, budget):
    imported = await bring(
        [
            row("100", "猫が会議に遅刻した"),
            row("101", "部長のカツラが飛んだ", kind="IT2T", question="何があった<image>？"),
        ],
        language="jp",
        name="jp.jsonl",
    )
    questions = {one["conversations"][0]["value"] for one in read_dataset(imported.directory).train}
    assert questions == {
        "<image>\nこの写真で一言ボケてください",
        "<image>\nこの写真で一言ボケてください\n写真についている言葉：「何があった‹image›？」",
    }
    assert check_dataset(imported.directory, budget) == []


@pytest.mark.parametrize(
    ("language", "kept", "other"),
    [
        ("cn", "这条鱼OK了", "This is an English joke"),
        ("cn", "猫", "ネコです"),
        ("en", "The café's naïve cat", "猫咪说 hello"),
        ("en", "Nice!", "Привет всем"),
        ("jp", "猫が会議に遅刻した", "这条鱼在思考人生的意义和价值"),
        ("jp", "爆発", "An English joke"),
    ],
)
async def test_the_language_is_checked(bring, language, kept, other):
    imported = await bring([row("100", kept), row("101", other)], language=language)
    assert imported.dropped == {"its text is in another language": 1}
    assert read_dataset(imported.directory).train[0]["conversations"][1]["value"] == kept


async def test_bad_lines_are_counted_and_the_rest_goes_on(bring):
    imported = await bring(
        [
            row("100", TEXTS[0]),
            '{"type": "I2T", "image": "101", "te',
            "[1, 2]",
            row("102", 5),
            row("103", "  "),
            row(None, TEXTS[1]),
            row("104", TEXTS[2], kind="X"),
            row(["105", "106"], TEXTS[3]),
            row("999", TEXTS[4]),
            "",
            row("106", "！？"),
            row("107", TEXTS[5] + "<|im_end|>"),
        ]
    )
    assert len(read_dataset(imported.directory).train) == 1
    assert imported.dropped == {
        "its line is no JSON, or cut off": 1,
        "its line is no JSON object": 1,
        "its text is no text": 1,
        "its text is empty": 1,
        "it names no picture": 2,
        "its type is none of I2T, IT2T, T2T": 1,
        "its picture is missing": 1,
        "its text is in another language": 1,
        "its text holds a special token": 1,
    }


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gbk", "gb18030"])
async def test_other_encodings_are_read_as_what_they_are(bring, tmp_path, encoding):
    lines = [json.dumps(row(str(100 + number), TEXTS[number]), ensure_ascii=False) for number in range(4)]
    file = tmp_path / "other.jsonl"
    file.write_bytes("\n".join(lines).encode(encoding))
    imported = await bring.importer.run(OogiriImport(file, bring.images))
    contents = read_dataset(imported.directory)
    assert {one["conversations"][1]["value"] for one in contents.train} == set(TEXTS[:4])
    assert imported.dropped == {}


async def test_damage_in_one_line_does_not_make_the_file_another_encodings(bring, tmp_path):
    lines = [json.dumps(row(str(100 + number), TEXTS[number]), ensure_ascii=False).encode() for number in range(4)]
    file = tmp_path / "damaged.jsonl"
    file.write_bytes(
        b"\n".join([*lines[:3], lines[3].replace(b"\xe5", b"\xff"), b'{"type": "I2T", "text": "\xff\xff"}'])
    )
    imported = await bring.importer.run(OogiriImport(file, bring.images))
    assert len(read_dataset(imported.directory).train) >= 3
    assert imported.dropped["its line is not in UTF-8, UTF-16 or GB 18030"] >= 1
    file.write_bytes(b"\n".join(lines).decode().encode("utf-16")[:-1])
    with pytest.raises(OogiriError, match="damaged or cut off"):
        await bring.importer.run(OogiriImport(file, bring.images))


async def test_rows_may_stand_in_one_array(bring):
    imported = await bring([row("100", TEXTS[0]), row("101", TEXTS[1])], name="rows.json")
    assert len(read_dataset(imported.directory).train) == 2 and imported.dropped == {}


@pytest.mark.parametrize(
    ("said", "file"),
    [
        ("100", "100.JPG"),
        ("b", "B.jpeg"),
        ("c", "c.gif"),
        ("d", "d.PNG"),
        ("E.jpg", "e.JPG"),
        ("x/f.JPG", "f.jpg"),
        ("g.jpg", "g"),
        ("h", "h"),
        ("i.jpg", "i.png"),
        ("007aPn.lRgy1", "007aPn.lRgy1.jpg"),
    ],
)
async def test_a_picture_is_found_whatever_the_ending_and_the_case_of_its_letters(bring, said, file):
    for path in bring.images.iterdir():
        path.unlink()
    Image.open(io.BytesIO(picture(3))).save(
        bring.images / file, {".gif": "GIF", ".png": "PNG"}.get(Path(file).suffix.lower(), "JPEG")
    )
    imported = await bring([row(said, TEXTS[0])])
    assert len(read_dataset(imported.directory).train) == 1


async def test_of_several_files_of_one_name_the_named_one_is_taken(bring):
    (bring.images / "100.png").write_bytes(picture(50))
    (bring.images / "100.GIF").write_bytes(picture(51))
    contents = read_dataset((await bring([row("100.png", TEXTS[0]), row("100", TEXTS[1])])).directory)
    assert len({one["image"] for one in contents.train}) == 2


def write_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def ex_cn(count=3):
    """Records of the tutorial's file."""
    return json.dumps(
        [
            {
                "image": [f"ex_images/{number}.jpg"],
                "conversations": [{"from": "human", "value": "<image>\n讲"}, {"from": "gpt", "value": TEXTS[number]}],
            }
            for number in range(count)
        ]
    )


@pytest.mark.parametrize("top", ["", "CLoT_cn_2000/"])
@pytest.mark.parametrize("place", ["zip", "folder with a zip", "folder", "rows beside pictures"])
async def test_rows_and_pictures_are_found_in_folders_and_zips(bring, tmp_path, top, place):
    files = {f"{top}ex_images/{number}.JPG": picture(number) for number in range(3)}
    files |= {f"{top}ex_cn.json": ex_cn(), f"{top}README.md": b"", f"__MACOSX/{top}ex_images/._0.jpg": b"no picture"}
    folder = tmp_path / "data"
    folder.mkdir()
    packed = write_zip(folder / "CLoT_cn_2000.zip", files)
    if place.startswith("folder") and place != "folder with a zip" or place.startswith("rows"):
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(folder)
        packed.unlink()
    where = {"zip": packed, "rows beside pictures": folder / f"{top}ex_cn.json"}.get(place, folder)
    imported = await bring.importer.run(OogiriImport(where))
    assert imported.dropped == {} and imported.manifest["selection"]["file"] == "ex_cn.json"
    names = {entry["id"]: entry["picture"] for entry in imported.manifest["rows"]}
    for one in read_dataset(imported.directory).train:
        number = int(names[one["id"]].removeprefix("ex_images/").removesuffix(".jpg"))
        assert one["conversations"][1]["value"] == TEXTS[number]
        written = np.asarray(Image.open(imported.directory / one["image"]).convert("RGB"))
        assert np.array_equal(written, np.asarray(Image.open(io.BytesIO(picture(number))).convert("RGB")))


async def test_the_pictures_of_a_fetch_need_not_be_unpacked(bring, tmp_path):
    folder = tmp_path / "oogiri-cn"
    folder.mkdir()
    for name in ("cn", "jp"):
        (folder / f"{name}.jsonl").write_text(json.dumps(row("007aPn", TEXTS[0])))
    write_zip(folder / "images.zip", {"images/007aPn.jpg": picture(1), "images/broken.jpg": b""})
    imported = await bring.importer.run(OogiriImport(folder))
    assert imported.dropped == {} and imported.manifest["selection"]["file"] == "cn.jsonl"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "holds no rows"),
        ({"a.jsonl": b"", "b.jsonl": b""}, "several files (a.jsonl, b.jsonl)"),
        ({"images.zip": b"no zip"}, "damaged or no zip"),
    ],
)
async def test_a_folder_without_clear_rows_is_one_line(bring, tmp_path, files, said):
    folder = tmp_path / "data"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with pytest.raises(OogiriError, match=re.escape(said)):
        await bring.importer.run(OogiriImport(folder))


async def test_a_damaged_picture_in_a_zip_costs_its_row_alone(bring, tmp_path):
    packed = write_zip(tmp_path / "images.zip", {"100.jpg": picture(0), "101.jpg": picture(1)})
    content = bytearray(packed.read_bytes())
    content[content.index(picture(1)) + 300] ^= 255
    packed.write_bytes(content)
    file = tmp_path / "cn.jsonl"
    file.write_text("\n".join(json.dumps(row(str(100 + number), TEXTS[number])) for number in range(2)))
    imported = await bring.importer.run(OogiriImport(file, packed))
    assert imported.dropped == {"its picture can't be unpacked": 1}


async def test_pictures_like_the_photos_held_out_are_not_trained_on(bring, tmp_path):
    (tmp_path / "mine.jpg").write_bytes(picture(3, (320, 240)))
    rows = [row(str(100 + number), TEXTS[number]) for number in range(6)]
    imported = await bring(rows, hold_out=(tmp_path / "mine.jpg",))
    assert {entry["picture"]: entry["part"] for entry in imported.manifest["rows"]}["103"] == "holdout"
    assert imported.manifest["counts"] == {"train": 5, "holdout": 1}
    with pytest.raises(OogiriError, match="none.jpg, which is to be held out"):
        await bring(rows, hold_out=(tmp_path / "none.jpg",))


@pytest.mark.parametrize("image", ["../secret", "/etc/passwd", "a/../../secret.jpg", "..\\secret.jpg", "link"])
async def test_a_path_that_leads_out_of_the_folder_is_refused(bring, image):
    (bring.images.parent / "secret.jpg").write_bytes(picture(77))
    (bring.images / "link.jpg").symlink_to(bring.images.parent / "secret.jpg")
    imported = await bring([row("100", TEXTS[0]), row(image, TEXTS[1])])
    assert imported.dropped == {"its picture's path leads out of the folder": 1}


async def test_broken_pictures_are_dropped_with_their_reason(bring):
    (bring.images / "101.jpg").write_bytes(picture(1)[:800])
    (bring.images / "102.jpg").write_text("no picture")
    imported = await bring([row(str(100 + number), TEXTS[number]) for number in range(3)])
    assert imported.dropped == {
        "its picture can't be used: The picture is damaged or incomplete": 1,
        "its picture can't be used: This is no picture that can be read here": 1,
    }


async def test_turned_pictures_stand_upright(bring):
    exif = Image.Exif()
    exif[0x0112] = 6
    (bring.images / "100.jpg").write_bytes(picture(0, exif=exif))
    imported = await bring([row("100", TEXTS[0])])
    assert read_dataset(imported.directory).train[0]["image_wh"] == [120, 160]


async def test_the_tutorials_own_file_is_read(bring, budget):
    rows = [
        {
            "image": f"ex_images/{100 + number}.jpg" if number % 2 else [f"{100 + number}.jpg"],
            "conversations": [
                {"from": "human", "value": "<image>\n请你根据这张图片，讲一个脑洞大开的梗"},
                {"from": "gpt", "value": TEXTS[number]},
            ],
        }
        for number in range(4)
    ]
    rows += [{"image": None, "conversations": rows[0]["conversations"]}, {"image": "105.jpg", "conversations": []}, 7]
    imported = await bring(rows, name="ex_cn.json")
    assert {one["conversations"][1]["value"] for one in read_dataset(imported.directory).train} == set(TEXTS[:4])
    assert check_dataset(imported.directory, budget) == []
    assert imported.dropped == {
        "it names no picture": 1,
        "it is no conversation of one question and one answer": 1,
        "it is no JSON object": 1,
    }


async def test_files_that_can_not_be_used_are_one_clear_line(bring, tmp_path):
    cut = tmp_path / "cut.json"
    cut.write_text('[{"image": "100.jpg", "conv')
    for wanted, said in (
        (OogiriImport(cut, bring.images), "damaged or cut off"),
        (OogiriImport(tmp_path / "none.jsonl", bring.images), "can't be read"),
        (OogiriImport(cut, tmp_path / "none"), "There is no folder"),
    ):
        with pytest.raises(OogiriError, match=said):
            await bring.importer.run(wanted)
    with pytest.raises(OogiriError, match="No row can be imported: 1: its picture is missing"):
        await bring([row("999", TEXTS[0])])
    assert await datasets.all_datasets(bring.database) == []
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == [".lock"]


async def test_pictures_are_held_out_and_stay_so(bring):
    bring.importer.selection = SelectionSettings(holdout_share=0.4)
    rows = [row(str(100 + number), TEXTS[number]) for number in range(10)]
    first = await bring(rows)
    held_out = {entry["picture"] for entry in first.manifest["rows"] if entry["part"] == "holdout"}
    assert 1 <= len(held_out) <= 7
    again = await bring(rows[::2], name="half.jsonl")
    assert {entry["picture"] for entry in again.manifest["rows"] if entry["part"] == "holdout"} == held_out & {
        str(100 + n) for n in range(0, 10, 2)
    }


async def test_a_row_too_long_for_the_model_is_dropped(bring, budget):
    bring.importer.budget = replace(budget, max_length=400)
    imported = await bring([row("100", TEXTS[0]), row("101", "很长" * 300)])
    assert imported.dropped == {"it is longer than 400 tokens": 1}


def test_none_of_the_data_is_shipped():
    root = Path(__file__).parents[3]
    assert not [path for path in (root / "trainer").rglob("*") if path.suffix in (".jsonl", ".zip", ".jpg")]
