"""What can't come right by waiting is one line with what to do, before a server is started."""

import sys
from pathlib import Path

import pytest

from bot.engine.servers.host_check import HostError, check_host
from configs.settings import Settings


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def settings_for(kind: str, **pythons: Path) -> Settings:
    return Settings(engine={"kind": kind}, environments=pythons)


def test_without_an_nvidia_driver_or_with_one_that_fails(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    lmdeploy = settings_for("lmdeploy", serve_python=tmp_path / "python")
    with pytest.raises(HostError, match="no driver for one: set JOKEBOT_ENGINE_KIND to `cpu`"):
        check_host(lmdeploy)
    for driver in ("echo 'NVIDIA-SMI has failed because it could not communicate'; exit 9", "echo 'No devices found'"):
        script(tmp_path / "nvidia-smi", driver)
        with pytest.raises(HostError, match="the driver shows none .*(NVIDIA-SMI has failed|No devices found)"):
            check_host(lmdeploy)
    script(tmp_path / "nvidia-smi", "echo 'GPU 0: NVIDIA H200 (UUID: GPU-1)'")
    with pytest.raises(HostError, match="make env-serve"):
        check_host(lmdeploy)


def test_a_gpu_that_the_host_does_not_have(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    script(tmp_path / "nvidia-smi", "echo 'GPU 0: H200 (UUID: GPU-1a)\nGPU 1: H200 (UUID: GPU-2b)'")
    for section, gpu_ids in (("lmdeploy", [0, 2]), ("training", ["GPU-3c"])):
        with pytest.raises(HostError, match="name the GPU (2|GPU-3c), and the driver shows 2"):
            check_host(Settings(engine={"kind": "lmdeploy"}, **{section: {"gpu_ids": gpu_ids}}))
    with pytest.raises(HostError, match="make env-serve"):
        there = {"lmdeploy": {"gpu_ids": "0"}, "training": {"gpu_ids": "GPU-2b"}}
        check_host(Settings(engine={"kind": "lmdeploy"}, environments={"serve_python": tmp_path / "python"}, **there))


def test_an_environment_without_the_engines_package(tmp_path, monkeypatch):
    with pytest.raises(HostError, match="has no torch: run `make env-train`"):
        check_host(settings_for("cpu", train_python=Path(sys.executable)))
    with pytest.raises(HostError, match="is not there: run `make env-train`"):
        check_host(settings_for("cpu", train_python=tmp_path / "python"))
    text = tmp_path / "text"
    text.write_text("no program")
    with pytest.raises(HostError, match="can't be run"):
        check_host(settings_for("cpu", train_python=text))


def test_an_external_server_needs_nothing_here(tmp_path):
    check_host(settings_for("url", train_python=tmp_path / "none", serve_python=tmp_path / "none"))


def test_this_hosts_train_environment_can_run_the_cpu_engine():
    if not Settings().environments.train_python.exists():
        pytest.skip("there is no train environment")
    check_host(settings_for("cpu"))
