"""The language that an admin chose or spoke last."""

import pytest

from storage.chat import languages
from storage.chat.languages import set_language

ADMIN = 1


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_an_admins_language_is_the_one_they_spoke_last(database, language):
    assert await languages.get_language(database, ADMIN) is None
    for spoken in ("en", "zh", language):
        await languages.record_spoken_language(database, ADMIN, spoken)
    assert await languages.get_language(database, ADMIN) == language


async def test_a_language_that_an_admin_chose_goes_before_the_one_they_spoke(database):
    await languages.record_spoken_language(database, ADMIN, "en")
    await set_language(database, ADMIN, "zh")
    assert await languages.get_language(database, ADMIN) == "zh"
    await set_language(database, ADMIN, None)
    assert await languages.get_language(database, ADMIN) == "en"
