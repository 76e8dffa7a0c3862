"""The commands of a terminal, without and with a running bot."""

import json
import shutil

import pytest

from storage.chat import control_requests
from storage.learning import datasets, models, runs
from storage.maintenance.data_folder import data_folder_lock
from trainer.oogiri.importer import Importer, OogiriImport

GATE = {"GATE_REPLIES_PER_LANGUAGE": 2, "GATE_MAX_TOKENS": 8}
TEXTS = [
    "老板说今晚加班有惊喜",
    "猫咪以为自己是总经理",
    "外卖到了，人没了",
    "这条鱼在思考人生",
    "爷爷的假牙又离家出走了",
    "我妈说这叫时尚",
]

pytestmark = pytest.mark.timeout(2400)
"""Each starts trainings, and a training starts slowly on a busy machine."""


@pytest.fixture
async def said(pipeline):
    """Calls `jokebot …`; its exit code and what it printed."""

    async def call(*arguments, **how):
        log = pipeline.memory.root / "pipeline.log"
        before = len(log.read_text()) if log.exists() else 0
        code = await pipeline.call(*arguments, **how)
        return code, log.read_text()[before:]

    return call


@pytest.fixture
async def imported(pipeline, picture, budget):
    """A cold-start dataset of six rows, and no run under way; its name."""
    root, settings = pipeline.memory.root, pipeline.settings()
    (root / "oogiri").mkdir()
    rows = [
        {"type": "I2T", "question": None, "image": str(number), "text": text, "star": 5}
        for number, text in enumerate(TEXTS)
    ]
    for number in range(len(rows)):
        (root / "oogiri" / f"{number}.jpg").write_bytes(picture(1000 + number))
    (root / "cn.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    importer = Importer(pipeline.database, settings.storage.datasets, settings.selection, settings.limits, budget)
    made = await importer.run(OogiriImport(root / "cn.jsonl", root / "oogiri"))
    await runs.advance(pipeline.database, await pipeline.run(), "cancelled")
    return made.directory.name


async def test_a_cold_start_goes_through_the_same_run_and_the_real_gate(pipeline, imported, said):
    code, text = await said("retrain", "--dataset", pipeline.memory.folder / imported, "--yes", gate=None, **GATE)
    run = (await runs.list_runs(pipeline.database))[0]
    assert code == 0 and [state for state, _ in await runs.list_states(pipeline.database, run.id)][:5] == list(
        runs.STEPS
    ), text
    assert run.dataset == run.given_dataset == imported and run.judged["codes"]
    assert (await datasets.get_dataset(pipeline.database, imported)).state == "trained"
    # Six rows can't show much: it is for the trial, or undecided, and an admin may decide.
    assert run.state in ("canary", "undecided")
    code, text = await said("models", "promote", "run-2")
    assert code == 0 and "Model 2 (run-2) is in service" in text
    assert (
        await pipeline.serving() == "run-2"
        and (await datasets.get_dataset(pipeline.database, imported)).state == "learnt"
    )
    assert (await runs.get_run(pipeline.database, run.id)).state == (
        "promoted" if run.state == "canary" else "undecided"
    )
    code, text = await said("runs", 2)
    assert code == 0 and "step 3 of 3" in text and "judging" in text and "1 (base)" in text
    code, text = await said("models", "rollback")
    assert code == 0 and "Model 1 is in service again" in text and await pipeline.serving() == "base"
    code, text = await said("runs")
    assert code == 0 and "cancelled" in text
    code, text = await said("models")
    assert code == 0 and "retired" in text and "champion" in text


async def test_with_a_bot_the_commands_ask_it(pipeline, said, model):
    other = await models.register_base(pipeline.database, "other", str(model))
    with data_folder_lock(pipeline.memory.root):
        code, text = await said("retrain", "--yes")
        assert code == 0 and "Run 1 is queued, and the running bot takes it up" in text
        code, text = await said("retrain", "--cancel")
        assert code == 0 and "asked to end" in text and (await pipeline.run()).cancel_at
        process = pipeline.start("models", "promote", other.id)
        pending = []
        while not pending:
            pending = await control_requests.list_pending_requests(pipeline.database)
            assert process.poll() is None
        assert (pending[0].kind, pending[0].model_id) == ("promote", other.id)
        await control_requests.record_answer(
            pipeline.database, pending[0].id, "No room for a second model.", done=False
        )
        assert await pipeline.end(process) == 1 and "No room for a second model." in pipeline.log()
    assert await pipeline.serving() == "base"


async def test_without_a_bot_a_cancel_is_done_at_once(pipeline, said):
    code, text = await said("retrain", "--cancel")
    assert code == 0 and "Run 1 is cancelled" in text and (await pipeline.run()).state == "cancelled"
    code, text = await said("retrain", "--cancel")
    assert code == 2 and "no run under way" in text
    code, text = await said("retrain")
    assert code == 2 and "--yes" in text and await runs.current_run(pipeline.database) is None


async def test_a_base_is_registered_once_it_is_whole_and_its_code_is_agreed_to(pipeline, said, model, tmp_path):
    code, text = await said("models", "add", model, "--name", "tiny")
    assert code == 2 and "`--yes` agrees" in text
    code, text = await said("models", "add", model, "--name", "tiny", "--yes")
    known = await models.get_model(pipeline.database, "tiny")
    assert (
        code == 0 and known.digest[:12] in text and known.status == "base" and "modeling_internvl_chat.py" in known.code
    )
    assert (await said("models", "add", model, "--name", "tiny", "--yes"))[0] == 0
    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    (broken / "config.json").write_text("{}")
    for arguments, line in (
        ((broken, "--name", "broken"), "is no InternVL2"),
        ((tmp_path / "none",), "There is no directory"),
    ):
        code, text = await said("models", "add", *arguments, "--yes")
        assert code == 2 and line in text
    other = shutil.copytree(model, tmp_path / "other")
    code, text = await said("models", "add", other, "--name", "tiny", "--yes")
    assert code == 2 and "another model of the name 'tiny'" in text
    (other / "model.safetensors").unlink()
    code, text = await said("models", "add", other, "--yes")
    assert code == 2 and "no safetensors weights" in text
    assert [one.name for one in await models.all_models(pipeline.database)] == ["base", "tiny"]
