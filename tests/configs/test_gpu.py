"""nvidia-smi's output, as both its readers take it."""

import os
from pathlib import Path

import pytest

from configs import gpu
from configs.gpu import GpuInfo, parse_gpus


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A nvidia-smi of the test's own, first on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    gpu._gpus.cache_clear()
    yield tmp_path / "nvidia-smi"
    gpu._gpus.cache_clear()


def says(tool: Path, text: str, code: int = 0) -> None:
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {code}\n")
    tool.chmod(0o755)


def test_each_line_is_a_gpu_and_other_lines_are_none():
    gpus = parse_gpus("NVIDIA H200, 1000, 143771\nGB10, Unified, [N/A], [N/A]\nNVIDIA-SMI has failed\n\n")
    assert [(gpu.name, round(gpu.used_gb, 2), round(gpu.all_gb, 2)) for gpu in gpus] == [
        ("NVIDIA H200", 1.05, 150.75),
        ("GB10, Unified", 0.0, 0.0),
    ]


def test_the_smallest_memory_and_the_first_name_count(tool):
    says(tool, "NVIDIA H200, 1000, 143771\nNVIDIA L4, 0, 23034")
    assert (round(gpu.card_gb(), 1), gpu.card_name()) == (24.2, "NVIDIA H200")


@pytest.mark.parametrize(
    ("text", "code"), [("", 0), ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 9)]
)
def test_a_tool_that_finds_no_gpu(tool, text, code):
    says(tool, text, code)
    assert (gpu.card_gb(), gpu.card_name()) == (0.0, "")


def test_a_gpu_whose_memory_is_unknown_has_a_name(tool):
    says(tool, "NVIDIA GB10, [N/A], [N/A]")
    assert (gpu.card_gb(), gpu.card_name()) == (0.0, "NVIDIA GB10")
    assert parse_gpus("NVIDIA GB10, [N/A], [N/A]") == [GpuInfo("NVIDIA GB10", 0.0, 0.0)]
