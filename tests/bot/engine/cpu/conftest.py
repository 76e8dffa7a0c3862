"""A tiny checkpoint, and CPU engine processes that serve it."""

import base64
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from openai import OpenAI
from PIL import Image
from skimage import data

from bot.engine.cpu.model import CpuModel, load_model
from trainer.demo_model.architectures import SHAPES
from trainer.demo_model.random_weights import write_random

torch.set_num_threads(1)


@dataclass
class Engine:
    """A running `jokebot serve`."""

    process: subprocess.Popen
    url: str
    log: Path

    def client(self, key: str = "secret") -> OpenAI:
        return OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0, timeout=120)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models") / "joker"
    write_random(directory, SHAPES["tiny"], seed=3)
    return directory


@pytest.fixture(scope="session")
def model(checkpoint: Path) -> CpuModel:
    return load_model(checkpoint, "float32", max_tiles=12)


@pytest.fixture(scope="session")
def start(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Engine]]:
    """A function that starts engines with extra arguments; the running ones are ended after the tests."""
    engines: list[Engine] = []

    def start(*arguments: str) -> Engine:
        log = tmp_path_factory.mktemp("engine") / "stderr.txt"
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot", "serve", checkpoint, "--port", "0", "--threads", "1", *arguments],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        line = process.stdout.readline() if process.stdout else ""
        assert line.startswith("listening on http://127.0.0.1:"), log.read_text()
        engines.append(Engine(process, line.split()[-1], log))
        return engines[-1]

    yield start
    for engine in engines:
        if engine.process.poll() is None:
            engine.end()
        if engine.process.stdout:
            engine.process.stdout.close()


def as_url(picture: Image.Image, kind: str = "JPEG") -> str:
    file = io.BytesIO()
    picture.save(file, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


@pytest.fixture(scope="session")
def cat() -> Image.Image:
    return Image.fromarray(data.chelsea())


@pytest.fixture(scope="session")
def to_url() -> Callable[..., str]:
    return as_url


@pytest.fixture(scope="session")
def url(cat: Image.Image) -> str:
    return as_url(cat)
