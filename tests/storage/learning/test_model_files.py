"""A model's code runs with all rights of the program, so it must be the code that an admin agreed to."""

import json

import pytest

from configs.model_code import code_digests
from storage.learning import models
from storage.learning.model_files import check_code, extend_consents
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


async def test_a_file_that_only_chooses_code_is_part_of_the_consent(database, tmp_path):
    for name in ("config.json", "tokenizer_config.json", "deep/er/preprocessor_config.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    for name in ("deep/more.py", "tokenizer.model", "chat_template.jinja"):
        (tmp_path / name).write_text("")
    base = await register_base(database, "mine", str(tmp_path), None, json.dumps(code_digests(tmp_path)))
    check_code(base, tmp_path)
    for name in json.loads(base.code):
        before = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(before + b" ")
        with pytest.raises(RegistryError, match=name):
            check_code(base, tmp_path)
        (tmp_path / name).write_bytes(before)
    assert len(json.loads(base.code)) == 6


async def test_an_old_consent_to_python_files_grows_to_all_files_only_where_they_choose_agreed_code(database, tmp_path):
    models_of = {}
    for name in ("good", "moved", "changed"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "modeling.py").write_text("1")
        (folder / "config.json").write_text('{"auto_map": {"AutoModel": "modeling.Model"}}')
        code = {"modeling.py": code_digests(folder)["modeling.py"]}
        models_of[name] = await register_base(database, name, str(folder), None, json.dumps(code))
    (tmp_path / "moved/config.json").write_text('{"auto_map": {"AutoModel": "/other/folder--modeling.Model"}}')
    (tmp_path / "changed/modeling.py").write_text("2")
    await extend_consents(database)
    extended = await models.get_model(database, "good")
    assert json.loads(extended.code) == code_digests(tmp_path / "good")
    for name in ("moved", "changed"):
        assert (await models.get_model(database, name)).code == models_of[name].code
        with pytest.raises(RegistryError):
            check_code(models_of[name], tmp_path / name)
    (tmp_path / "good/config.json").write_text("{}")
    with pytest.raises(RegistryError, match="config.json"):
        check_code(extended, tmp_path / "good")
