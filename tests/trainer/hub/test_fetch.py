"""`jokebot fetch` gets models and data whole, verified and only when asked, whatever the line and the hub do."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import huggingface_hub.file_download
import pytest

import bot.cli.fetch
import trainer.hub.fetcher
import trainer.hub.modelscope
from bot.__main__ import main
from configs.settings import ROOT, Settings, load_settings
from storage.learning.serving_model import plan_serving, read_registry
from tests.trainer.hub.hub_server import HubThread, LoopbackHub
from trainer.hub.archive import unpack_pictures
from trainer.hub.catalog import FetchError, find_entry

DEMO = ROOT / "configs" / "demo-model" / "checkpoint"
MODEL, DATA = "OpenGVLab/InternVL2-2B", "zhongshsh/CLoT-Oogiri-GO"
WEIGHTS, STRAY = "model.safetensors", "all-checkpoints.zip"
OLD, NEW = "a" * 40, "b" * 40
FILES = {file.name: file.read_bytes() for file in DEMO.iterdir() if file.name != "CARD.md"}


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A data folder of its own, quick retries, and no proxy before loopback."""
    monkeypatch.setenv("JOKEBOT_STORAGE_DIRECTORY", str(tmp_path / "data"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    for name in ("HF_ENDPOINT", "MODELSCOPE_ENDPOINT", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(trainer.hub.fetcher, "LONGEST_PAUSE_S", 0.0)
    return tmp_path / "data" / "downloads"


@pytest.fixture
def hub(place, monkeypatch):
    with HubThread(LoopbackHub(MODEL, {OLD: {**FILES, STRAY: b"x" * 5000}})) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", running.address)
        yield running


def fetch(*arguments: str) -> int:
    return main(["fetch", *arguments])


def files_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def oogiri() -> dict[str, bytes]:
    """Rows and pictures; the archive is larger than the buffers between the hub and the fetch."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("images/1.jpg", os.urandom(24 << 20))
        archive.writestr("images/note.html", b"<script>")
        archive.writestr("../outside.jpg", b"outside")
    return {"cn.jsonl": b'{"type": "I2T"}\n', "jp.jsonl": b"{}\n", "images.zip": packed.getvalue()}


def test_a_model_arrives_over_a_line_that_breaks_and_is_registered(hub, place, capsys):
    hub.cuts = [3 << 20, 5 << 20, 0]
    assert fetch("internvl2-2b", "--yes") == 0
    out = capsys.readouterr().out
    assert f"{hub.address}/{MODEL}, revision {OLD}" in out and "licence  mit. OpenGVLab publishes" in out
    assert "not taken  1 other files" in out and "needed" in out and "host     " in out
    assert "Model 1 (InternVL2-2B) is registered and in service" in out
    assert files_in(place / "InternVL2-2B") == FILES
    resumed = [wanted for name, wanted in hub.transfers if name == WEIGHTS]
    assert resumed[0] == "" and resumed[1] != "" and len(resumed) == 3
    (model,) = read_registry(place.parent / "jokebot.sqlite3")
    assert model.directory == str(place / "InternVL2-2B") and model.code
    serving = plan_serving(load_settings(), [model]).champion
    assert serving and serving.name == "InternVL2-2B", "`jokebot run` needs no model.directory"
    record = json.loads((place / "InternVL2-2B.fetch.json").read_text())
    assert record["revision"] == OLD and record["files"].keys() == FILES.keys()


def test_a_second_fetch_compares_the_files_and_transfers_nothing(hub, place, capsys):
    assert fetch("InternVL2-2B", "--yes") == 0
    calls = len(hub.tokens)
    assert fetch("InternVL2-2B") == 0
    assert "as they were fetched" in (out := capsys.readouterr().out) and out.endswith("is registered.\n")
    (place / "InternVL2-2B" / WEIGHTS).write_bytes(bytes(len(FILES[WEIGHTS])))
    assert fetch("InternVL2-2B", "--yes") == 2
    assert f"missing or changed since they were fetched ({WEIGHTS})" in capsys.readouterr().err
    assert len(hub.tokens) == calls


@pytest.mark.parametrize("answer", [None, "n", ""])
def test_nothing_is_fetched_without_the_admins_word(hub, place, capsys, monkeypatch, answer):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    if answer is not None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        monkeypatch.setattr("builtins.input", lambda question: answer)
    assert fetch("InternVL2-2B") == (2 if answer is None else 1)
    assert hub.transfers == [] and not place.exists()
    assert "no terminal" in (said := capsys.readouterr()).err or "Nothing was fetched." in said.out


def test_code_that_is_not_trusted_is_not_registered(hub, place, capsys, monkeypatch):
    answers = iter(["y", "n"])
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    assert fetch("InternVL2-2B") == 1
    assert "Not registered." in capsys.readouterr().out and read_registry(place.parent / "jokebot.sqlite3") == []


@pytest.mark.parametrize("source", ["hf", "modelscope"])
def test_a_file_with_the_wrong_content_is_fetched_again_and_then_refused(hub, place, capsys, source):
    name = WEIGHTS if source == "hf" else "tokenizer.json"
    hub.wrong = {name: 2, "config.json": 1}
    assert fetch("InternVL2-2B", "--yes", "--from", source) == 2
    err = capsys.readouterr().err
    assert f"{name} arrived twice with other content" in err and len(err.strip().splitlines()) == 1
    assert not (place / "InternVL2-2B").exists() and not (place / ".InternVL2-2B.part" / name).exists()
    assert fetch("InternVL2-2B", "--yes", "--from", source) == 0
    assert files_in(place / "InternVL2-2B") == FILES


def test_modelscope_is_resumed_and_verified(hub, place, capsys):
    hub.main, hub.cuts = OLD, [3 << 20, 0]
    assert fetch("InternVL2-2B", "--yes", "--from", "modelscope") == 0
    assert files_in(place / "InternVL2-2B") == FILES
    assert [wanted for name, wanted in hub.transfers if name == WEIGHTS] == ["", f"bytes={3 << 20}-"]
    assert fetch("oogiri", "--yes", "--from", "modelscope") == 2
    assert "Hugging Face only" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (404, {"X-Error-Code": "RepoNotFound"}, "isn't there"),
        (401, {}, "set HF_TOKEN"),
        (401, {"X-Error-Code": "GatedRepo"}, "accounts only"),
        (403, {"X-Error-Code": "GatedRepo"}, "accounts only"),
        (503, {}, "answered 503"),
    ],
)
@pytest.mark.parametrize("source", ["hf", "modelscope"])
def test_a_refusal_is_one_line(hub, place, capsys, source, status, headers, said):
    hub.status, hub.headers = status, headers
    assert fetch("InternVL2-2B", "--yes", "--from", source) == 2
    err = capsys.readouterr().err
    if (source, status) == ("hf", 401) and not headers:
        said = "HF_TOKEN"
    assert (said if source == "hf" or status != 401 else "HF_TOKEN") in err
    assert len(err.strip().splitlines()) == 1 and not place.exists()


def test_an_unknown_revision_and_an_unreachable_hub_are_one_line_each(hub, place, capsys):
    assert fetch("InternVL2-2B", "--yes", "--revision", "v9") == 2
    assert "in revision v9" in capsys.readouterr().err
    assert fetch("InternVL2-2B", "--yes", "--from", "http://127.0.0.1:9") == 2
    err = capsys.readouterr().err
    assert (
        "can't be had: Connection refused. Behind a proxy set HTTPS_PROXY" in err
        and "--from modelscope" in err
        and len(err.strip().splitlines()) == 1
    )


@pytest.mark.parametrize("source", ["hf", "modelscope"])
def test_a_disk_that_fills_up_is_named_and_the_fetch_continues(hub, place, capsys, monkeypatch, source):
    real = huggingface_hub.file_download.http_get

    def full(url: str, target: Any, **options: Any) -> None:
        if url.endswith(WEIGHTS):
            target.write(FILES[WEIGHTS][: 1 << 20])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(url, target, **options)

    for module in (huggingface_hub.file_download, trainer.hub.modelscope):
        monkeypatch.setattr(module, "http_get", full)
    assert fetch("InternVL2-2B", "--yes", "--from", source) == 2
    assert "The disk is full" in capsys.readouterr().err
    for module in (huggingface_hub.file_download, trainer.hub.modelscope):
        monkeypatch.setattr(module, "http_get", real)
    assert fetch("InternVL2-2B", "--yes", "--from", source) == 0
    assert files_in(place / "InternVL2-2B") == FILES and (WEIGHTS, f"bytes={1 << 20}-") in hub.transfers


def test_a_disk_that_is_too_small_is_refused_before_the_question(hub, place, capsys, monkeypatch):
    monkeypatch.setattr(trainer.hub.fetcher, "free_bytes", lambda path: 1_000_000)
    assert fetch("InternVL2-2B", "--yes") == 2
    assert "--to" in capsys.readouterr().err and hub.transfers == []


def test_a_killed_fetch_continues_where_it_was(place, tmp_path):
    content = oogiri()
    with HubThread(LoopbackHub(DATA, {OLD: content}, stall_after=21 << 20)) as hub:
        command = [sys.executable, "-m", "bot", "fetch", "oogiri", "--yes", "--from", hub.address]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        assert hub.stalled.wait(300)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        assert not (place / "oogiri-cn").exists()
        hub.resume()
        hub.files, hub.main = {OLD: content, NEW: {"cn.jsonl": b"new"}}, NEW
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "of an unfinished download" in done.stdout and f"revision {OLD}" in done.stdout
        name, wanted = hub.transfers[-1]
        assert name == "images.zip" and int(wanted.removeprefix("bytes=").rstrip("-")) > 4 << 20
    target = place / "oogiri-cn"
    assert f"jokebot import-oogiri {target / 'cn.jsonl'} {target / 'images'} --language cn" in done.stdout
    assert sorted(file.name for file in target.iterdir()) == ["cn.jsonl", "images", "images.zip"]
    assert [file.name for file in (target / "images").iterdir()] == ["1.jpg"]
    assert (target / "images.zip").read_bytes() == content["images.zip"] and not list(tmp_path.rglob("outside.jpg"))


def test_a_later_fetch_gets_the_content_of_the_first(hub, place, capsys):
    assert fetch("InternVL2-2B", "--yes") == 0
    (place / "InternVL2-2B").rename(place / "gone")
    hub.files[NEW], hub.main = {**FILES, "modeling_internlm2.py": b"import os\n"}, NEW
    assert fetch("InternVL2-2B", "--yes") == 0
    assert files_in(place / "InternVL2-2B") == FILES
    (place / "InternVL2-2B").rename(place / "gone-too")
    assert fetch("InternVL2-2B", "--yes", "--revision", NEW) == 2
    assert "modeling_internlm2.py differs from the file that was fetched first" in capsys.readouterr().err
    assert not (place / "InternVL2-2B").exists()


def test_a_model_of_another_kind_is_refused_before_its_weights(hub, place, capsys):
    config = json.loads(FILES["config.json"])
    config["llm_config"]["architectures"] = ["Qwen2ForCausalLM"]
    hub.repository, hub.files[OLD]["config.json"] = "someone/tuned", json.dumps(config).encode()
    assert fetch("someone/tuned", "--yes") == 2
    assert "Qwen2ForCausalLM" in capsys.readouterr().err
    assert WEIGHTS not in [name for name, _ in hub.transfers]


def test_the_token_goes_to_the_hub_of_the_settings_only(hub, place):
    assert fetch("InternVL2-2B", "--yes") == 0
    assert {token for path, token in hub.tokens if path.startswith("/api")} == {"Bearer hf_secret"}
    assert {token for path, token in hub.tokens if path.startswith("/cdn")} == {""}
    hub.tokens.clear()
    assert fetch("InternVL2-2B", "--yes", "--from", hub.address, "--to", str(place / "mirrored")) == 0
    assert {token for _, token in hub.tokens} == {""}


@pytest.mark.parametrize(
    ("card", "said"), [(0, "no NVIDIA GPU"), (6, "does NOT fit"), (8, "1 can fit"), (80, "2 fit, as the settings")]
)
def test_a_card_is_compared_with_what_the_servers_take(monkeypatch, card, said):
    monkeypatch.setattr(bot.cli.fetch, "card_gb", lambda: card)
    assert said in bot.cli.fetch.host_line(4.4, Settings())


def test_a_directory_that_is_something_else_is_left_alone(hub, place, capsys):
    (place / "InternVL2-2B").mkdir(parents=True)
    assert fetch("InternVL2-2B", "--yes") == 2
    assert "--to" in capsys.readouterr().err and hub.tokens == []


def test_names_are_those_of_the_model_cards():
    assert find_entry("InternVL2.5-2B").repository == "OpenGVLab/InternVL2_5-2B"
    assert find_entry("opengvlab/internvl2-8b").name == "InternVL2-8B"
    assert find_entry("oogiri", "jp").patterns[0] == "jp.jsonl"
    for name in ("InternVL2-1B", "OpenGVLab/InternVL2-4B", "oogiris", "../x"):
        with pytest.raises(FetchError, match="InternVL2-2B"):
            find_entry(name)


def test_a_damaged_archive_is_named(tmp_path):
    (tmp_path / "images.zip").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(FetchError, match=r"images\.zip can't be unpacked"):
        unpack_pictures(tmp_path / "images.zip", tmp_path / "images")
