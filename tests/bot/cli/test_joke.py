"""`jokebot joke` prints a joke for each photo."""

import asyncio
import os
import pty
import select
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest
from PIL import Image

from bot.engine.stub.engine import StubEngine, StubRefusal, StubReply
from configs.chat_templates import chat_template
from configs.prompts import load_prompts
from configs.settings import ROOT, Settings
from tests.bot.cli.command import VARIABLES, jokebot

joke = partial(jokebot, "joke")

DEMO = ROOT / "configs" / "demo-model" / "checkpoint"


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "gradient.jpg"
    Image.linear_gradient("L").convert("RGB").resize((64, 48)).save(path)
    return path


@pytest.fixture
async def stub():
    async with StubEngine.running(text="Why did the cat\ncross the road?") as engine:
        yield engine


async def test_a_joke_for_each_photo_with_its_name_first(stub, photo, tmp_path):
    second = tmp_path / "no suffix at all"
    Image.new("RGB", (99, 77), "red").save(second, "PNG")
    code, out, err = await joke(photo, second, "--engine", stub.url)
    assert (code, err) == (0, "")
    assert out == f"{photo}: {stub.answer.text}\n{second}: {stub.answer.text}\n"
    assert [asked.size for asked in stub.asked] == [(64, 48), (99, 77)]


async def test_language_and_style_choose_the_prompt(stub, photo):
    await joke(photo, "--engine", stub.url)
    await joke(photo, "--engine", stub.url, "--language", "zh")
    await joke(photo, "--engine", stub.url, "--language", "en", "--style", "pun")
    prompts = load_prompts()
    assert [asked.user for asked in stub.asked] == [
        prompts.ask("en"),
        "请你根据这张图片，讲一个脑洞大开的梗",
        prompts.ask("en", "pun"),
    ]
    assert stub.asked[0].system == chat_template().system


async def test_the_settings_say_which_engine_where_nothing_else_does(stub, photo):
    code, out, _ = await joke(photo, JOKEBOT_ENGINE_URL=stub.url, JOKEBOT_JOKE_MAX_TOKENS="33")
    assert code == 0 and stub.answer.text in out and stub.asked[-1].max_tokens == 33


async def test_what_fails_is_one_line_and_the_rest_goes_on(stub, photo, tmp_path):
    text, missing, cut = tmp_path / "notes.jpg", tmp_path / "missing.jpg", tmp_path / "cut.jpg"
    text.write_text("I am no picture")
    cut.write_bytes(photo.read_bytes()[:400])
    stub.script.append(StubRefusal(400, "too funny"))
    code, out, err = await joke(photo, text, missing, tmp_path, cut, photo, "--engine", stub.url)
    assert code == 1 and out == f"{photo}: {stub.answer.text}\n"
    lines = err.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(path) for path in (photo, text, missing, tmp_path, cut)]
    for line, word in zip(lines, ("too funny", "no picture", "No such file", "directory", "damaged"), strict=True):
        assert word in line
    assert "Traceback" not in err


async def test_an_engine_that_is_not_there_is_one_clear_line(photo):
    async with StubEngine.running() as gone:
        url = gone.url
    code, out, err = await joke(photo, "--engine", url)
    assert code == 1 and out == "" and len(err.splitlines()) == 1 and "can't be reached" in err
    code, _, err = await joke(photo, "--engine", "nonsense")
    assert code == 1 and len(err.splitlines()) == 1 and "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--style", "nonsense"], "no style"),
        (["--language", "xx"], "no prompts for the language"),
        (["--model", "/nowhere"], "There is no directory"),
    ],
)
async def test_a_mistake_in_the_arguments_is_told_before_anything_is_asked(photo, arguments, word):
    code, _, err = await joke(photo, *arguments, JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON=sys.executable)
    assert code == 2 and word in err and len(err.splitlines()) == 1


async def test_a_missing_train_environment_is_told(photo, tmp_path):
    code, _, err = await joke(photo, "--model", DEMO, JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON="/nowhere/python")
    assert code == 2 and "make env-train" in err


def on_a_terminal(*arguments: object) -> tuple[int, str]:
    """Run the command on a pseudo terminal; its exit code and all that it wrote."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "joke", *map(str, arguments)],
        cwd=ROOT,
        env=VARIABLES,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    while True:
        readable, _, _ = select.select([ours], [], [], 120)
        assert readable, "nothing was written for two minutes"
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux says that nobody holds the other end
            break
        if not part:
            break
        written += part
    os.close(ours)
    return process.wait(60), written.decode()


async def test_on_a_terminal_the_joke_grows(stub, photo):
    stub.answer = StubReply("one two three", token_s=0.05)
    code, written = await asyncio.to_thread(on_a_terminal, photo.name, "--engine", stub.url)
    assert code == 1 and "can't be read" in written
    code, written = await asyncio.to_thread(on_a_terminal, photo, "--engine", stub.url)
    plain = "".join(written.split())
    assert code == 0 and written.count("one") >= 3 and plain.index("onetwo") < plain.index("onetwothree")


async def test_on_a_terminal_half_a_joke_is_wiped(stub, photo):
    stub.script.extend([StubReply("half a joke", ending="abort")] * 9)
    code, written = await asyncio.to_thread(on_a_terminal, photo, "--engine", stub.url)
    assert code == 1
    assert "stopped in the middle" in " ".join(written.split("\x1b[2K")[-1].split())


def fake_train_python(folder: Path, *arguments: str) -> Path:
    """An interpreter that starts the stub engine, whatever module it is told to run."""
    script = folder / "bin" / "python"
    script.parent.mkdir()
    words = " ".join(f"'{argument}'" for argument in arguments)
    script.write_text(f"#!/bin/sh\ncd '{ROOT}'\nexec '{sys.executable}' -m bot.engine.stub.engine --port 0 {words}\n")
    script.chmod(0o700)
    return script


async def test_a_model_is_served_as_long_as_it_is_needed(photo, tmp_path):
    python = fake_train_python(tmp_path, "--text", f"from the child {tmp_path}")
    code, out, err = await joke(photo, photo, "--model", DEMO, JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON=str(python))
    assert (code, out, err) == (0, f"{photo}: from the child {tmp_path}\n" * 2, "")
    assert not children_of_the_stub(f"from the child {tmp_path}")


async def test_an_engine_that_can_not_start_is_told_with_its_last_words(photo, tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'config.json is missing'\nexit 3\n")
    python.chmod(0o700)
    code, out, err = await joke(photo, "--model", DEMO, JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON=str(python))
    assert code == 2 and out == "" and "code 3" in err and "config.json is missing" in err


def children_of_the_stub(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if mark in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_the_command_ends_the_engine_ends_with_it(photo, tmp_path, number):
    mark = f"endless {tmp_path}"
    python = fake_train_python(tmp_path, "--first-token-s", "600", "--text", mark)
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "joke", str(photo), "--model", str(DEMO)],
        cwd=ROOT,
        env={**VARIABLES, "JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON": str(python)},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not children_of_the_stub(mark):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    while children_of_the_stub(mark):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "Traceback" not in err and (number != signal.SIGINT or process.returncode == 130)


@pytest.mark.skipif(
    not Settings().environments.train_python.exists(), reason="there is no train environment: run `make env-train`"
)
async def test_a_real_checkpoint_writes_something_also_where_the_bot_would_run_the_engine(photo, tmp_path):
    model = tmp_path / "model"
    made = await asyncio.create_subprocess_exec(
        str(Settings().environments.train_python),
        "-m",
        "bot",
        "demo-model",
        "random",
        "--shape",
        "tiny",
        "--seed",
        "0",
        "--out",
        str(model),
        cwd=ROOT,
        env=VARIABLES,
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await made.wait() == 0
    code, out, err = await joke(
        photo, "--model", model, JOKEBOT_JOKE_MAX_TOKENS="8", JOKEBOT_ENGINE_FIRST_TOKEN_TIMEOUT_S="120"
    )
    assert (code, err) == (0, "") and out.startswith(f"{photo}: ") and len(out) > len(f"{photo}: \n")
    own = {"JOKEBOT_ENGINE_KIND": "cpu", "JOKEBOT_MODEL_DIRECTORY": str(model), "JOKEBOT_JOKE_MAX_TOKENS": "8"}
    code, out, err = await joke(photo, **own)
    assert (code, err) == (0, "") and out.startswith(f"{photo}: ") and len(out) > len(f"{photo}: \n")
    code, out, err = await joke(photo, **own | {"JOKEBOT_MODEL_DIRECTORY": str(tmp_path / "gone")})
    assert code == 2 and "There is no directory" in err and len(err.splitlines()) == 1
