"""The data folder is private to its owner, and locked by one bot at a time."""

import stat
import subprocess
import sys

import pytest

from storage.maintenance.data_folder import FolderError, FolderInUse, data_folder_lock

HOLD = (
    "import sys, pathlib; from storage.maintenance.data_folder import data_folder_lock\n"
    "with data_folder_lock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


def test_a_second_holder_is_told_so_and_may_come_when_the_first_is_gone(tmp_path):
    with (
        data_folder_lock(tmp_path / "data"),
        pytest.raises(FolderInUse, match="Another bot is at work"),
        data_folder_lock(tmp_path / "data"),
    ):
        pass
    with data_folder_lock(tmp_path / "data"):
        pass


def test_a_killed_holder_leaves_the_folder_free(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(FolderInUse), data_folder_lock(tmp_path):
        pass
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    with data_folder_lock(tmp_path):
        pass


def test_a_folder_that_others_may_read_is_closed_to_them(tmp_path):
    tmp_path.chmod(0o755)
    with data_folder_lock(tmp_path):
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_is_explained(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FolderError, match="JOKEBOT_STORAGE_DIRECTORY"), data_folder_lock(tmp_path / "file"):
        pass
