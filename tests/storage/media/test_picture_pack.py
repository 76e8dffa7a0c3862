"""Packs of free pictures: the table of licences, folders and zip files, and hostile ones."""

import os
import zipfile

import pytest

from storage.media.photo_credits import add_pack_photo, get_credit, get_credits
from storage.media.photos import PhotoError, add_photo, check_photo, get_photo, photo_path
from storage.media.picture_pack import TABLE_BYTES, PackError, PictureCredit, PicturePack

TABLE = "\ufefffile,title,author,licence,source\nfox.jpg, A  fox ,Ann,CC0-1.0,https://example.org/fox\nowl.png,,,MIT,\n"


@pytest.fixture
def pictures(scene, encode):
    return {"fox.jpg": encode(scene()), "owl.png": encode(scene(200, 100), "PNG")}


@pytest.fixture(params=["folder", "zip", "zip with a folder inside"])
def pack(request, tmp_path, pictures):
    """Writes a pack of files; returns its path."""

    def write(table: str | None = TABLE, **more: bytes):
        files = {**pictures, **more, **({} if table is None else {"credits.csv": table.encode()})}
        path = tmp_path / "pack"
        if request.param == "folder":
            path.mkdir()
            for name, data in files.items():
                (path / name).write_bytes(data)
            return path
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(f"free-pictures-1.0/{name}" if "inside" in request.param else name, data)
        return path

    return write


def test_pictures_have_the_licence_of_their_row(pack, pictures):
    found = PicturePack(pack())
    fox = PictureCredit("fox.jpg", "A fox", "Ann", "CC0-1.0", "https://example.org/fox")
    assert found.pictures == [fox, PictureCredit("owl.png", "", "", "MIT", "")] and found.problems == []
    assert found.read(fox, 1_000_000) == pictures["fox.jpg"]
    with pytest.raises(PhotoError, match="too large"):
        found.read(fox, len(pictures["fox.jpg"]) - 1)


def test_pictures_without_a_licence_are_not_used(pack):
    table = "licence,FILE\n,fox.jpg\nMIT,gone.jpg\nMIT,../secret.jpg\nMIT,/etc/passwd\nMIT\n"
    found = PicturePack(pack(table, **{"new.webp": b"x", "notes.txt": b"x"}))
    assert found.pictures == []
    assert any("fox.jpg has no licence" in problem for problem in found.problems)
    assert any("new.webp is not in credits.csv" in problem for problem in found.problems)
    assert any("../secret.jpg is missing" in problem for problem in found.problems)
    assert not any("notes.txt" in problem for problem in found.problems)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (None, "no credits.csv"),
        ("", "columns file and licence"),
        ("file,title\nfox.jpg,Fox\n", "columns file and licence"),
        ("file,licence\n" + "a.jpg,MIT\n" * 10_001, "more than 10000 rows"),
        ("file,licence\n" + "a" * TABLE_BYTES, "too large"),
        ('file,licence\n"' + "a" * 200_000, "is no table"),
    ],
)
def test_a_pack_without_a_readable_table_is_refused(pack, table, reason):
    with pytest.raises(PackError, match=reason):
        PicturePack(pack(table))


def test_no_pack_and_no_zip_are_named(tmp_path):
    with pytest.raises(PackError, match="is not there"):
        PicturePack(tmp_path / "nothing")
    (tmp_path / "file").write_bytes(b"PK but no zip")
    with pytest.raises(PackError, match="no zip file"):
        PicturePack(tmp_path / "file")


def test_links_out_of_a_folder_and_bombs_in_a_zip_are_not_read(tmp_path, pictures):
    (tmp_path / "private.jpg").write_bytes(pictures["fox.jpg"])
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "credits.csv").write_text("file,licence\nfox.jpg,MIT\npipe.jpg,MIT\n")
    (folder / "fox.jpg").symlink_to(tmp_path / "private.jpg")
    os.mkfifo(folder / "pipe.jpg")
    found = PicturePack(folder)
    assert [picture.name for picture in found.pictures] == ["fox.jpg"], "a pipe is no picture"
    with pytest.raises(PhotoError):
        found.read(found.pictures[0], 1_000_000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("credits.csv", "file,licence\nbomb.jpg,MIT\n")
        archive.writestr("bomb.jpg", bytes(50_000_000))
    bomb = PicturePack(tmp_path / "bomb.zip")
    with pytest.raises(PhotoError, match="too large"):
        bomb.read(bomb.pictures[0], 1_000_000)


def test_a_damaged_zip_is_refused_at_its_picture(tmp_path, pictures):
    path = tmp_path / "pack.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("credits.csv", TABLE)
        archive.writestr("fox.jpg", pictures["fox.jpg"])
    data = bytearray(path.read_bytes())
    place = data.index(pictures["fox.jpg"][20:60])
    data[place : place + 20] = bytes(20)
    path.write_bytes(data)
    damaged = PicturePack(path)
    with pytest.raises(PhotoError):
        damaged.read(damaged.pictures[0], 1_000_000)


async def test_a_photo_of_a_pack_has_its_licence_and_no_sender(database, memory, pictures, tmp_path):
    checked = check_photo(pictures["fox.jpg"], max_bytes=1_000_000, max_pixels=1_000_000)
    fox = PictureCredit("fox.jpg", "A fox", "Ann", "CC0-1.0", "")
    photo = await add_pack_photo(database, memory.photos, checked, fox)
    assert photo_path(memory.photos, photo).exists() and await get_credit(database, photo.id) == fox
    assert await database.value("SELECT count(*) FROM photo_senders") == 0
    again = await add_pack_photo(database, memory.photos, checked, PictureCredit("2.jpg", "", "", "MIT", ""))
    assert again.id == photo.id and (await get_credit(database, photo.id)).licence == "MIT"
    other = await memory.photo(7, width=300)
    assert await get_credit(database, other.id) is None
    assert list(await get_credits(database, [photo.id, other.id])) == [photo.id]


async def test_a_users_forget_keeps_the_packs_photo(database, memory, pictures):
    checked = check_photo(pictures["fox.jpg"], max_bytes=1_000_000, max_pixels=1_000_000)
    photo = await add_pack_photo(database, memory.photos, checked, PictureCredit("fox.jpg", "", "", "MIT", ""))
    assert (await add_photo(database, memory.photos, checked, 7)).id == photo.id
    await memory.forget(7)
    assert await get_photo(database, photo.id) is not None and photo_path(memory.photos, photo).exists()
    assert await database.value("SELECT count(*) FROM photo_senders") == 0
