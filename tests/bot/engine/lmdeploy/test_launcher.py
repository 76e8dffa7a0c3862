"""LMDeploy's server is started by its own command line, with our classes in its registries."""

import importlib
import io
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import lmdeploy
import pytest
import uvicorn
from fastapi import FastAPI
from lmdeploy.cli import entrypoint
from lmdeploy.messages import PytorchEngineConfig
from lmdeploy.pytorch.models.module_map import MODULE_MAP
from lmdeploy.vl.media.image import ImageMediaIO
from lmdeploy.vl.model.base import VISION_MODELS
from lmdeploy.vl.model.builder import load_vl_model
from lmdeploy.vl.model.internvl import InternVLVisionModel

from bot.engine.lmdeploy import launcher, request_log
from bot.engine.lmdeploy.command_line import KEY_VARIABLE, server_command
from bot.engine.lmdeploy.prefix_cache import PREFIX_CACHE
from bot.engine.lmdeploy.vision_model import PhotoVisionModel
from configs.chat_templates import chat_template
from configs.log_context import ContextFormatter
from configs.model_code import AGREED, code_digests, fingerprint, with_agreed
from configs.settings import ROOT, Settings

AsyncEngine = importlib.import_module("lmdeploy.serve.core.async_engine").AsyncEngine


@pytest.fixture(autouse=True)
def registries(monkeypatch):
    monkeypatch.setitem(VISION_MODELS.module_dict, "InternVLVisionModel", InternVLVisionModel)
    monkeypatch.setitem(MODULE_MAP, launcher.ARCHITECTURE, MODULE_MAP[launcher.ARCHITECTURE])
    monkeypatch.setattr(ImageMediaIO, "load_bytes", ImageMediaIO.load_bytes)
    monkeypatch.setattr(AsyncEngine, "__init__", AsyncEngine.__init__)
    monkeypatch.setattr("uvicorn.run", uvicorn.run)
    monkeypatch.setattr(launcher.logger, "handlers", [])
    for name in (launcher.MODE, launcher.LOG_FORMAT):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "argv", sys.argv)


@pytest.fixture
def started(monkeypatch):
    """The calls of LMDeploy's command line, which are recorded instead of starting a server."""
    calls = []
    monkeypatch.setattr("lmdeploy.cli.run", lambda: calls.append(list(sys.argv)))
    monkeypatch.setattr(launcher, "print_when_listening", lambda host, port: None)
    return calls


def options(model: Path) -> list[str]:
    """The bot's own command, without the interpreter and the module."""
    told = server_command(model, 23456, Settings(), name="champion")
    return told[told.index("bot.engine.lmdeploy.launcher") + 1 :]


def test_lmdeploy_builds_our_class_for_internvl2(tiny):
    assert launcher.register_or_warn() == "gpu"
    assert type(load_vl_model(str(tiny), "pytorch", trust_remote_code=True)) is PhotoVisionModel
    assert MODULE_MAP[launcher.ARCHITECTURE] == "bot.engine.lmdeploy.input_processor.PhotoInternVLChatModel"


@pytest.mark.parametrize(("options", "kept"), [(["--prefix-cache"], True), ([], False)])
def test_the_prefix_cache_stays_on_for_our_class_where_it_is_asked_for(started, tiny, monkeypatch, options, kept):
    seen = []
    monkeypatch.setattr(AsyncEngine, "__init__", lambda self, path, **options: seen.append(options["backend_config"]))
    monkeypatch.delenv(PREFIX_CACHE, raising=False)
    launcher.main([str(tiny), *options])
    config = PytorchEngineConfig()
    serve = importlib.import_module("lmdeploy.serve.core.vl_async_engine")
    made = serve.VLAsyncEngine.__new__(serve.VLAsyncEngine)
    made.vl_encoder = SimpleNamespace(model=load_vl_model(str(tiny), "pytorch", trust_remote_code=True))
    AsyncEngine.__init__(made, str(tiny), backend_config=config)
    assert [part.enable_prefix_caching for part in seen] == [kept]
    # Another class of pictures keeps what LMDeploy has decided.
    made.vl_encoder = SimpleNamespace(model=object())
    AsyncEngine.__init__(made, str(tiny), backend_config=PytorchEngineConfig())
    assert not seen[-1].enable_prefix_caching


def test_another_lmdeploy_serves_with_its_own_preprocess_and_a_warning(monkeypatch, caplog):
    monkeypatch.setattr(lmdeploy, "__version__", "0.19.0")
    monkeypatch.setattr(launcher.logger, "propagate", True)
    assert launcher.register_or_warn() == "stock"
    assert VISION_MODELS.module_dict["InternVLVisionModel"] is InternVLVisionModel
    assert "0.19.0 was not tried" in caplog.text


def test_lmdeploy_understands_every_option_of_the_bots_command(started, monkeypatch, tiny):
    seen = []
    monkeypatch.setattr("lmdeploy.cli.serve.SubCliServe.api_server", staticmethod(seen.append))
    monkeypatch.setenv(KEY_VARIABLE, "a-secret")
    launcher.main(options(tiny))
    entrypoint.run()
    told = seen[0]
    assert (Path(told.model_path).name, told.model_name, told.server_name, told.server_port) == (
        tiny.name,
        "champion",
        "127.0.0.1",
        23456,
    )
    assert (told.backend, told.trust_remote_code, told.api_keys) == ("pytorch", True, ["a-secret"])
    assert (told.max_batch_size, told.num_gpu_blocks, told.session_len) == (64, 10 * 54, 256 * 13 + 2048)


def test_stock_stays_stock_where_it_is_asked_for(started, tiny):
    launcher.main([str(tiny), "--preprocess", "stock"])
    assert (
        os.environ[launcher.MODE] == "stock" and VISION_MODELS.module_dict["InternVLVisionModel"] is InternVLVisionModel
    )
    copy = Path(started[0][3])
    assert copy != tiny and code_digests(copy) == code_digests(tiny)
    template = copy.parent / "chat_template.json"
    assert json.loads(template.read_text(encoding="utf-8")) == chat_template("internlm2-chat").lmdeploy_config()
    ours = ["--chat-template", str(template)]
    assert started == [
        ["lmdeploy", "serve", "api_server", str(copy), *ours, "--server-name", "127.0.0.1", "--server-port", "23333"]
        + ["--cache-block-seq-len", "64"]
    ]
    launcher.main([str(tiny), "--preprocess", "stock", "--chat-template", "theirs.json"])
    assert started[1].count("--chat-template") == 1 and "theirs.json" in started[1]


def test_a_directory_that_is_no_model_ends_the_launcher_with_one_line(started, tmp_path):
    with pytest.raises(SystemExit, match="has no config.json"):
        launcher.main([str(tmp_path)])
    assert not started


def test_code_that_changed_after_the_bots_check_is_not_served(started, tiny, tmp_path, monkeypatch):
    model = tmp_path / "model"
    shutil.copytree(tiny, model)
    monkeypatch.setenv(AGREED, with_agreed(model, fingerprint(code_digests(model)), {})[AGREED])
    (model / "generation_config.json").write_text("{} ")
    with pytest.raises(SystemExit, match="has changed"):
        launcher.main([str(model), "--preprocess", "stock"])
    assert not started


def test_a_chat_request_leaves_a_line_under_the_id_that_the_bot_gave_it(monkeypatch):
    given, stream, app = [], io.StringIO(), FastAPI()
    monkeypatch.setattr("uvicorn.run", lambda app, **options: given.append(app))
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ContextFormatter("json"))
    monkeypatch.setattr(request_log.logger, "handlers", [handler])
    monkeypatch.setattr(request_log.logger, "level", logging.INFO)

    @app.post(request_log.CHAT)
    def chat() -> str:
        return "a joke"

    @app.get("/health")
    def health() -> str:
        return "well"

    launcher.log_requests()
    uvicorn.run(app=app)
    with socket.create_server(("127.0.0.1", 0)) as place:
        server = uvicorn.Server(uvicorn.Config(given[0], log_config=None))
        serving = threading.Thread(target=server.run, args=([place],))
        serving.start()
        try:
            url = f"http://127.0.0.1:{place.getsockname()[1]}"
            urllib.request.urlopen(f"{url}/health", timeout=60).read()
            for number in ("abc", "not one of ours"):
                asked = urllib.request.Request(
                    f"{url}{request_log.CHAT}", method="POST", headers={"X-Request-Id": number}
                )
                assert urllib.request.urlopen(asked, timeout=60).read() == b'"a joke"'
        finally:
            server.should_exit = True
            serving.join(60)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["request"] for line in lines] == ["abc", None]
    assert all(line["message"].startswith("chat 200 all=") for line in lines)


def test_the_ready_line_comes_when_the_port_answers_and_not_before(capsys):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        waiting = threading.Thread(target=launcher.print_when_listening, args=("127.0.0.1", port))
        waiting.start()
        waiting.join(2 * launcher.POLL_INTERVAL_S)
        assert waiting.is_alive() and not capsys.readouterr().out
        server.listen()
        waiting.join(30)
        assert capsys.readouterr().out == f"listening on http://127.0.0.1:{port}\n"


def test_the_engine_process_registers_too_and_others_do_not():
    """LMDeploy starts processes by `spawn`, which runs the launcher's file in them under another name."""
    code = (
        "import multiprocessing, runpy, sys; multiprocessing.current_process().name = sys.argv.pop(1); import torch; "
        "from configs.transformers_imports import import_torchvision; import_torchvision(torch); "
        "runpy.run_module('bot.engine.lmdeploy.launcher', run_name='__mp_main__'); "
        "print('lmdeploy' in sys.modules and "
        "sys.modules['lmdeploy.pytorch.models.module_map'].MODULE_MAP['InternVLChatModel'])"
    )
    paths = os.pathsep.join([str(ROOT), str(Path(lmdeploy.__file__).parents[1])])
    environ = {**os.environ, "PYTHONPATH": paths, launcher.MODE: "gpu"}
    said = [
        subprocess.run(
            [sys.executable, "-c", code, name], env=environ, cwd=ROOT, capture_output=True, text=True, timeout=200
        )
        for name in (launcher.ENGINE_PROCESS, "SyncManager-1")
    ]
    assert [run.stdout.split()[-1:] for run in said] == [
        ["bot.engine.lmdeploy.input_processor.PhotoInternVLChatModel"],
        ["False"],
    ], said
