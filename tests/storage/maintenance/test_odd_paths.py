"""Data folders, backups and models whose paths have characters that mean something in a URI, a pattern or a shell."""

import pytest

from storage.database import check_file
from storage.maintenance.backup import back_up, list_backups, verify_backup
from storage.maintenance.restore import restore
from tests.storage.maintenance.test_backup import House

NAMES = ["a#b", "a?b", "a%41b", "a b é", "a'b\"c", "[a]*", "..a", "100%s", "笑话"]


@pytest.mark.parametrize("name", NAMES)
async def test_such_a_folder_works_as_any_other_and_nothing_is_made_beside_it(tmp_path, name):
    house = await House(tmp_path / name / name).open()
    await house.live()
    await house.promote(name)
    folder = tmp_path / name / f"backups {name}"
    backup = back_up(house.storage, folder)
    await house.database.close()
    assert check_file(house.storage.database) == 1
    assert verify_backup(backup.directory).photos == 1 and [one.models for one in list_backups(folder)] == [1]
    restored, _, _ = restore(backup.directory, House(tmp_path / name / "new").storage)
    assert restored.ratings == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert {path.name for path in (tmp_path / name).iterdir()} == {name, folder.name, "new"}
