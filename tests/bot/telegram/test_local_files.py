"""A Bot API server in local mode names files by paths on its own disk, and serves none over HTTP."""

from pathlib import Path

import pytest
from telegram.error import BadRequest

from bot.monitoring import alerts
from bot.sandbox import methods
from bot.telegram.local_files import LocalFileMissing, read_local_file
from tests.bot.conftest import TOKEN, make_picture

ADMIN = 1001


@pytest.fixture
def local_mode(monkeypatch, tmp_path):
    """The sandbox answers getFile as a server in local mode; returns the file's path."""
    usual = methods.METHODS["getfile"]
    path = tmp_path / "server" / TOKEN / "photos" / "file_0.jpg"

    async def get_file(api, parameters):
        return {**await usual(api, parameters), "file_path": str(path)}

    monkeypatch.setitem(methods.METHODS, "getfile", get_file)
    path.parent.mkdir(parents=True)
    return path


async def test_a_file_on_this_hosts_disk_is_read_from_it(stage_with, local_mode):
    local_mode.write_bytes(make_picture())
    stage = await stage_with()
    await stage.joke(stage.send_photo())
    assert len(stage.calls("getFile")) == 1


async def test_a_file_that_is_not_here_is_told_to_the_admin_once_and_the_user_is_not_blamed(
    stage_with, local_mode, monkeypatch
):
    monkeypatch.setattr(alerts, "CHECK_INTERVAL_S", 0.05)
    monkeypatch.setattr(alerts, "SEND_INTERVAL_S", 0.05)
    stage = await stage_with(telegram={"admins": [ADMIN]})
    for _ in range(2):
        answer = await stage.answer(stage.send_photo(person=stage.bob))
        assert answer["text"] == stage.words("photo-unreachable")
    assert len(stage.calls("getFile")) == 2  # no tries that can't help

    def messages():
        return [one["text"] for one in stage.world.messages(ADMIN) if "local mode" in one.get("text", "")]

    await stage.world.wait_for(lambda _: messages(), 200)
    assert len(messages()) == 1 and "/TOKEN/photos/file_0.jpg" in messages()[0] and TOKEN not in messages()[0]


@pytest.mark.parametrize("size, expected", [(10, None), (11, BadRequest)])
def test_a_file_over_the_limit_is_refused(tmp_path: Path, size, expected):
    (tmp_path / "file").write_bytes(b"x" * size)
    if expected:
        with pytest.raises(expected, match="too big"):
            read_local_file(str(tmp_path / "file"), 10, TOKEN)
    else:
        assert read_local_file(str(tmp_path / "file"), 10, TOKEN) == b"x" * size


@pytest.mark.parametrize("path", ["/dev/zero", "/", "/no/such/file"])
def test_what_is_no_file_is_not_read(path):
    with pytest.raises(LocalFileMissing, match="local mode"):
        read_local_file(path, 10, TOKEN)
