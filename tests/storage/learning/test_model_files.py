"""A model's code runs with all rights of the program, so it must be the code that an admin agreed to."""

import json

import pytest

from storage.learning import models
from storage.learning.model_files import check_code, code_digests
from storage.learning.models import RegistryError, register_base


async def test_code_that_changed_after_it_was_agreed_to_is_not_loaded_until_an_admin_agrees_again(database, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "modeling.py").write_text("print('harmless')")
    base = await register_base(database, "mine", str(tmp_path), "digest", json.dumps(code_digests(tmp_path)))
    check_code(base, tmp_path)
    (tmp_path / "modeling.py").write_text("print('something else')")
    with pytest.raises(RegistryError, match="modeling.py"):
        check_code(base, tmp_path)
    await models.record_code_consent(database, base.id, json.dumps(code_digests(tmp_path)))
    with pytest.raises(RegistryError):
        check_code(await models.get_model(database, base.id), tmp_path)
    await models.record_code_consent(database, base.id, json.dumps(code_digests(tmp_path)), "other", anew=True)
    agreed = await models.get_model(database, base.id)
    check_code(agreed, tmp_path)
    assert agreed.digest == "other"
    (tmp_path / "more.py").write_text("")
    with pytest.raises(RegistryError, match="more.py"):
        check_code(agreed, tmp_path)


async def test_a_model_that_a_run_made_may_run_its_bases_code_and_no_other(database, tmp_path):
    (tmp_path / "modeling.py").write_text("1")
    base = await register_base(database, "mine", str(tmp_path), None, json.dumps(code_digests(tmp_path)))
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO runs (id, state, started_by, created_at) VALUES (1, 'merging', 'admin', 0)"
        )
        made = await models.add_candidate(
            connection, models.NewModel("run-1", base.id, base.id, base.id, "", 1, str(tmp_path), "sha", "{}")
        )
    check_code(made, tmp_path)
    (tmp_path / "modeling.py").write_text("2")
    with pytest.raises(RegistryError, match="run-1"):
        check_code(made, tmp_path)
