"""`jokebot doctor` reports problems and how to fix them, and changes nothing."""

from pathlib import Path

import pytest

from bot.engine.stub.engine import StubEngine
from bot.monitoring import doctor, engine_check, launcher_check, pack_check
from bot.sandbox.server import Sandbox
from configs.settings import (
    ROOT,
    EngineSettings,
    EnvironmentSettings,
    OogiriSettings,
    Settings,
    StorageSettings,
    TelegramSettings,
    TrainingSettings,
)
from storage.database import Database
from tests.bot.conftest import make_picture

TOKEN = "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"


def settings_for(folder: Path, **sections: object) -> Settings:
    return Settings(storage=StorageSettings(directory=folder), **sections)


async def test_a_token_that_telegram_knows_is_well_and_another_is_not(tmp_path):
    async with Sandbox.running(token=TOKEN) as sandbox:
        for token, state in ((TOKEN, "ok"), ("123456:wrong", "bad"), ("no/token", "bad"), ("", "bad")):
            [finding] = await doctor.check_token(
                settings_for(tmp_path, telegram=TelegramSettings(token=token, base_url=sandbox.url))
            )
            assert finding.state == state and bool(finding.todo) == (state == "bad")
            assert not token or token not in finding.format()


async def test_a_telegram_that_does_not_answer_is_told_without_the_token(tmp_path):
    [finding] = await doctor.check_token(
        settings_for(tmp_path, telegram=TelegramSettings(token=TOKEN, base_url="http://127.0.0.1:9"))
    )
    assert finding.state == "bad" and TOKEN not in finding.format()


async def test_the_engine_is_asked_for_its_models(tmp_path):
    async with StubEngine.running() as engine:
        [here] = await doctor.check_engine(settings_for(tmp_path, engine=EngineSettings(url=engine.url)))
        [other] = await doctor.check_engine(
            settings_for(tmp_path, engine=EngineSettings(url=engine.url, model="another"))
        )
    [gone] = await doctor.check_engine(settings_for(tmp_path, engine=EngineSettings(url="http://127.0.0.1:9/v1")))
    assert (here.state, other.state, gone.state) == ("ok", "bad", "bad")
    assert "JOKEBOT_ENGINE_URL" in gone.todo


async def test_servers_of_our_own_need_an_environment_a_checkpoint_and_for_lmdeploy_a_gpu(tmp_path, monkeypatch):
    demo = ROOT / "configs" / "demo-model" / "checkpoint"
    monkeypatch.setenv("PATH", str(tmp_path))
    [no_gpu] = await doctor.check_engine(
        settings_for(tmp_path, engine=EngineSettings(kind="lmdeploy"), model={"directory": demo})
    )
    [well] = await doctor.check_engine(
        settings_for(tmp_path, engine=EngineSettings(kind="cpu"), model={"directory": demo})
    )
    [gone] = await doctor.check_engine(
        settings_for(tmp_path, engine=EngineSettings(kind="cpu"), model={"directory": tmp_path})
    )
    [unknown] = await doctor.check_engine(settings_for(tmp_path, engine=EngineSettings(kind="cpu")))
    assert (no_gpu.state, well.state, gone.state, unknown.state) == ("bad", "ok", "bad", "bad")
    assert "NVIDIA" in no_gpu.message and "1 cpu server" in well.message and "has no config.json" in gone.message
    assert "knows no directory" in unknown.message
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H200'\n")
    driver.chmod(0o755)
    missing = EnvironmentSettings(serve_python=tmp_path / "python")
    [no_serve] = await doctor.check_engine(
        settings_for(tmp_path, engine=EngineSettings(kind="lmdeploy"), model={"directory": demo}, environments=missing)
    )
    assert no_serve.state == "bad" and "make env-serve" in no_serve.todo


async def test_a_webhook_wants_an_https_address_and_a_secret(tmp_path):
    states = [
        [
            finding.state
            for finding in await doctor.check_webhook(
                settings_for(tmp_path, telegram=TelegramSettings(mode="webhook", **parts))
            )
        ]
        for parts in (
            {},
            {"webhook_url": "https://example.org/hook"},
            {"webhook_url": "https://example.org/hook", "webhook_secret": "long-and-random"},
        )
    ]
    assert states == [["bad"], ["bad"], ["ok"]]
    assert await doctor.check_webhook(settings_for(tmp_path)) == []


async def test_the_train_environment_of_this_host_is_as_locked():
    train, _ = await doctor.check_environments(Settings())
    assert train.state == "ok", train.format()


async def test_an_environment_that_is_missing_or_none_of_ours_is_named(tmp_path):
    missing, _ = await doctor.check_environments(
        Settings(environments=EnvironmentSettings(train_python=tmp_path / "python"))
    )
    assert missing.state == "bad" and missing.todo == "run `make env-train`"
    bot_python = Path(".venv/bot/bin/python")
    wrong, _ = await doctor.check_environments(Settings(environments=EnvironmentSettings(train_python=bot_python)))
    assert wrong.state == "bad" and "torch" in wrong.message


def test_a_library_of_the_system_that_is_missing_is_no_reason_to_make_the_environment_anew(tmp_path):
    (tmp_path / "cv2.py").write_text(
        'raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")'
    )
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nPYTHONPATH='{tmp_path}' exec '{Settings().environments.train_python}' \"$@\"\n")
    python.chmod(0o700)
    (found,) = doctor.check_environment("train", python, ["cv2"], needed=True)
    assert found.state == "bad" and "libGL.so.1" in found.message and "apt-get install libgl1" in found.todo


async def test_a_full_disk_is_told(tmp_path, monkeypatch):
    assert (await doctor.check_disk(settings_for(tmp_path / "not" / "there")))[0].state in ("ok", "bad")
    monkeypatch.setattr(doctor, "ENOUGH_DISK_BYTES", 2**60)
    assert (await doctor.check_disk(settings_for(tmp_path)))[0].state == "bad"


@pytest.mark.parametrize("damage", [False, True])
async def test_the_database_is_read_and_not_changed(tmp_path, damage):
    settings = settings_for(tmp_path)
    assert (await doctor.check_database(settings))[0].state == "note"
    assert not settings.storage.database.exists()
    await (await Database.open(settings.storage.database)).close()
    if damage:
        settings.storage.database.write_bytes(b"\xa5" * 40_000)
    before = settings.storage.database.read_bytes()
    [finding] = await doctor.check_database(settings)
    assert finding.state == ("bad" if damage else "ok") and settings.storage.database.read_bytes() == before


def settings_with_launcher(folder: Path, launcher: str) -> Settings:
    return settings_for(folder, training=TrainingSettings(launcher=launcher))


async def test_a_launcher_whose_program_or_script_is_missing_is_told(tmp_path):
    assert await doctor.check_launcher(settings_with_launcher(tmp_path, "")) == []
    for launcher, what in (("no-such-program {run}", "no-such-program"), ("bash configs/deploy/no.sh {run}", "no.sh")):
        [finding] = await doctor.check_launcher(settings_with_launcher(tmp_path, launcher))
        assert finding.state == "bad" and what in finding.message
    script = "configs/deploy/train-over-ssh.sh"
    [finding] = await doctor.check_launcher(settings_with_launcher(tmp_path, f"bash {script} host folder {{run}}"))
    assert finding.state == "note" and "--launcher" in finding.todo


async def test_a_trial_of_the_launcher_says_what_the_other_machine_has(tmp_path):
    train = EnvironmentSettings().train_python
    [finding] = await launcher_check.try_launcher(
        settings_with_launcher(tmp_path, f"{train} -m trainer.xtuner.entry {{run}}")
    )
    assert finding.state in ("ok", "note") and "torch 2." in finding.message
    [finding] = await launcher_check.try_launcher(settings_with_launcher(tmp_path, "bash -c '{command}'"))
    assert finding.state in ("ok", "note") and "torch 2." in finding.message
    for launcher, what in (
        ("bash -c 'echo no route; exit 255' {run}", "no route"),
        ("true {run}", "without an answer"),
    ):
        [finding] = await launcher_check.try_launcher(settings_with_launcher(tmp_path, launcher))
        assert finding.state == "bad" and what in finding.message
    assert not (tmp_path / "runs" / "launcher-check").exists()


async def test_deepspeed_that_the_settings_ask_for_is_looked_for(tmp_path):
    settings = settings_for(tmp_path, training=TrainingSettings(deepspeed="deepspeed_zero1"))
    finding = next(one for one in await doctor.check_environments(settings) if one.subject == "deepspeed env")
    assert finding.state == "ok" or finding.todo == "run `make env-deepspeed`"


def test_gpus_that_nothing_uses_are_told_with_the_settings_for_them(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")

    def notes(**sections) -> list[str]:
        told = Settings(**{"engine": {"kind": "lmdeploy"}, **sections})
        return [finding.message for finding in engine_check.check_gpus(told)]

    assert notes() == ["the bot uses 1 of the 3 GPUs here"]
    assert notes(lmdeploy={"gpu_ids": "0,1"}) == ["the bot uses 2 of the 3 GPUs here"]
    assert notes(lmdeploy={"gpu_ids": "0,1"}, training={"gpu_ids": "2"}) == notes(servers={"count": 3}) == []
    assert notes(engine={"kind": "cpu"}) == []


async def test_a_pack_of_pictures_is_checked_with_its_licences(tmp_path):
    pack = tmp_path / "pack"
    settings = settings_for(tmp_path, oogiri=OogiriSettings(pack=str(pack)))
    assert await pack_check.check_pack(settings_for(tmp_path)) == []
    [missing] = await pack_check.check_pack(settings)
    assert missing.state == "bad" and missing.todo and str(pack) in missing.message
    pack.mkdir()
    (pack / "credits.csv").write_text("file,licence\nred.jpg,MIT\nbomb.jpg,CC0-1.0\nfree.jpg,\n")
    (pack / "red.jpg").write_bytes(make_picture())
    (pack / "bomb.jpg").write_bytes(b"no picture")
    found, problems = await pack_check.check_pack(settings)
    assert found.state == "ok" and found.message.endswith(": MIT (1)")
    assert problems.state == "note" and "bomb.jpg" in problems.message and "free.jpg has no licence" in problems.message
    (pack / "red.jpg").unlink()
    nothing, _ = await pack_check.check_pack(settings)
    assert nothing.state == "bad"
