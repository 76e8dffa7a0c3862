"""A dataset on disk is complete or absent, and its name follows from its content."""

import asyncio
import errno

import pytest

from storage.learning import dataset_files
from storage.learning.dataset_files import (
    DatasetContents,
    DatasetError,
    DatasetLocked,
    content_name,
    prepare_dataset,
    read_dataset,
    remove_unfinished,
)


@pytest.fixture
def contents():
    rows = [{"id": "a", "image": "images/a.jpg"}, {"id": "b", "image": "images/b.jpg"}]
    return DatasetContents(rows[:1], rows[1:], {"format": 1, "rows": [{"id": "a"}, {"id": "b"}], "created_at": "then"})


@pytest.fixture
def pictures(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.jpg").write_bytes(name.encode())
    return {f"images/{name}.jpg": tmp_path / f"{name}.jpg" for name in "ab"}


def test_a_prepared_dataset_appears_whole_when_it_is_published(tmp_path, contents, pictures):
    prepared = prepare_dataset(tmp_path / "datasets", contents, pictures)
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == [prepared.temporary.name]
    directory = prepared.publish()
    assert (
        [path.name for path in (tmp_path / "datasets").iterdir()]
        == [directory.name]
        == [content_name(contents.manifest)]
    )
    assert read_dataset(directory).train == contents.train and read_dataset(directory).holdout == contents.holdout
    assert (directory / "images/a.jpg").read_bytes() == b"a"
    assert (directory / "images/a.jpg").stat().st_ino == (tmp_path / "a.jpg").stat().st_ino, "linked, not copied"
    assert directory.stat().st_mode & 0o777 == 0o700


def test_the_name_covers_everything_but_itself_and_the_time(contents):
    name = content_name(contents.manifest)
    assert content_name({**contents.manifest, "created_at": "now", "name": "x"}) == name
    assert content_name({**contents.manifest, "rows": []}) != name


def test_the_same_content_is_published_once(tmp_path, contents, pictures):
    first = prepare_dataset(tmp_path, contents, pictures).publish()
    before = (first / "manifest.json").stat().st_mtime_ns
    assert prepare_dataset(tmp_path, contents, pictures).publish() == first
    assert (first / "manifest.json").stat().st_mtime_ns == before
    assert not list(tmp_path.glob(".unfinished-*"))


def test_pictures_are_copied_where_links_can_not_be(tmp_path, contents, pictures, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EXDEV, "another device")

    monkeypatch.setattr(dataset_files.os, "link", refuse)
    directory = prepare_dataset(tmp_path / "datasets", contents, pictures).publish()
    assert (directory / "images/b.jpg").read_bytes() == b"b"


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the disk is full"), (errno.EACCES, "Permission denied")],
)
def test_a_disk_that_refuses_is_one_clear_line_and_nothing_is_left(
    tmp_path, contents, pictures, monkeypatch, number, said
):
    def refuse(*_):
        raise OSError(number, "Permission denied")

    monkeypatch.setattr(dataset_files.os, "fsync", refuse)
    with pytest.raises(DatasetError, match=said):
        prepare_dataset(tmp_path / "datasets", contents, pictures)
    assert list((tmp_path / "datasets").iterdir()) == []


def test_a_missing_picture_stops_everything(tmp_path, contents, pictures):
    pictures["images/b.jpg"].unlink()
    with pytest.raises(DatasetError, match="No such file"):
        prepare_dataset(tmp_path / "datasets", contents, pictures)
    assert list((tmp_path / "datasets").iterdir()) == []


async def test_the_lock_has_one_holder_and_is_free_again_after_it(tmp_path):
    async with dataset_files.lock(tmp_path):
        with pytest.raises(DatasetLocked, match="try again"):
            async with dataset_files.lock(tmp_path, wait_s=0.2):
                pass
        waiting = asyncio.create_task(enter(tmp_path))
        await asyncio.sleep(0)
    assert await asyncio.wait_for(waiting, 30)


async def enter(folder):
    async with dataset_files.lock(folder):
        return True


def test_sweeping_removes_only_what_is_unfinished(tmp_path, contents, pictures):
    directory = prepare_dataset(tmp_path, contents, pictures).publish()
    prepare_dataset(tmp_path, contents, pictures)
    (tmp_path / "mine").mkdir()
    remove_unfinished(tmp_path)
    assert directory.is_dir() and (tmp_path / "mine").is_dir() and not list(tmp_path.glob(".unfinished-*"))
