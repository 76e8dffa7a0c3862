"""`jokebot setup` on a terminal and by flags, against the sandbox as Telegram."""

import asyncio
import io
import os
import shutil
import stat
import sys
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.__main__ import main
from bot.engine.stub.engine import StubEngine
from bot.sandbox.server import Sandbox
from configs.gpu import _gpus
from configs.settings import ROOT, Settings
from tests.bot.cli.setup_terminal import PtySetup
from tests.trainer.hub.hub_server import HubThread, LoopbackHub
from tests.waiting import until

TOKEN = "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"
OTHER = "123456:BBHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"
DEMO = ROOT / "configs" / "demo-model" / "checkpoint"
TRAIN = Settings().environments.train_python
LOCKED_PYTHON = f"""#!{sys.executable}
import json, re, sys
if sys.argv[1] == "-m":
    import os
    os.execv({str(TRAIN)!r}, [{str(TRAIN)!r}, *sys.argv[1:]])
elif len(sys.argv) > 3:
    lock = open({str(ROOT / "configs/requirements")!r} + "/" + sys.argv[0].split("/")[-1].split("-")[0] + ".txt").read()
    versions = dict(re.findall(r"^([\\w.-]+)==([\\w.+!-]+)", lock, re.M))
    print(json.dumps({{"python": "3.11", "errors": [], "versions": versions}}))
"""
"""train-python and serve-python: the train environment's for commands; to the doctor all is as locked, in no time."""


class SetupPeers:
    """A sandbox, an engine, a folder, and the variables for `jokebot setup` there."""

    def __init__(
        self, sandbox: Sandbox, engine: StubEngine, folder: Path, change: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        self._change, self._capsys = change, capsys
        self.sandbox, self.engine, self.folder, self.world = sandbox, engine, folder, sandbox.world
        python = folder / "train-python"
        python.write_text(LOCKED_PYTHON)
        python.chmod(0o755)
        (folder / "token").write_text(TOKEN + "\n")
        self.variables = {
            "JOKEBOT_TELEGRAM_BASE_URL": sandbox.url,
            "JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON": str(python),
            "JOKEBOT_STORAGE_DIRECTORY": str(folder / "data"),
            "NO_PROXY": "127.0.0.1",
            "TZ": "Europe/Berlin",
        }
        self.file = folder / "data" / "jokebot.toml"

    @property
    def draft(self) -> Path:
        return self.file.with_name("jokebot.toml.setup")

    def values(self, file: Path | None = None) -> dict[str, dict[str, object]]:
        return tomllib.loads((file or self.file).read_text())

    async def by_flags(self, *arguments: object, **variables: str) -> tuple[int, str, str]:
        """Without a terminal."""
        self._change.setattr(sys, "stdin", io.StringIO())
        for name, value in {**self.variables, "JOKEBOT_CONFIG": "", **variables}.items():
            if name != "TZ":  # this process has read it
                self._change.setenv(name, value)
        code = await asyncio.to_thread(main, ["setup", *map(str, arguments)])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def on_terminal(self, *arguments: str, **variables: str):
        return PtySetup.running(*arguments, cwd=self.folder, variables={**self.variables, **variables})


@pytest.fixture
async def peers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> AsyncIterator[SetupPeers]:
    umask = os.umask(0o077)
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox.running(port=0, token=TOKEN))
        engine = await stack.enter_async_context(StubEngine.running())
        yield SetupPeers(sandbox, engine, tmp_path, monkeypatch, capsys)
    os.umask(umask)


def read_only_by_owner(file: Path) -> bool:
    return stat.S_IMODE(file.stat().st_mode) == 0o600 and file.stat().st_uid == os.getuid()


async def test_questions_lead_to_a_settings_file_and_the_command_that_starts_the_bot(peers, picture):
    alice, bob = list(peers.world.users)[:2]
    peers.world.send_text(bob, bob, "hello, are you there?")
    async with peers.on_terminal() as setup:
        await setup.answer("Token", "nonsense")
        await setup.wait_for("That is no token")
        await setup.answer("Token", OTHER)
        await setup.wait_for("Telegram refuses the token")
        await setup.answer("Token", TOKEN)
        await setup.wait_for("✓ bot: @jokebot_sandbox_bot")
        await setup.answer("Who is the admin", "")
        code = (await setup.wait_for(r"start=\w+")).removeprefix("start=")
        peers.world.send_text(bob, bob, "/start WRONGCODE234")
        peers.world.send_text(bob, bob, f"code {code}")
        peers.world.send_text(alice, alice, f"/start {code}")
        peers.world.send_text(bob, bob, f"/start {code}")
        await setup.wait_for(f"id {alice}")
        await setup.answer("Engine: .*: ", f"{peers.engine.url}/")
        await setup.wait_for("It serves stub")
        await setup.wait_for("✓ time zone: Europe/Berlin")
        await setup.wait_for("Start the bot:")
        assert await setup.end() == 0, setup.screen
    assert f"JOKEBOT_STORAGE_DIRECTORY={peers.folder}/data " in setup.screen and "jokebot run" in setup.screen
    assert TOKEN.partition(":")[2] not in setup.screen and OTHER.partition(":")[2] not in setup.screen
    assert peers.values() == {
        "telegram": {"token": TOKEN, "admins": [alice]},
        "engine": {"url": peers.engine.url},
    }
    assert read_only_by_owner(peers.file) and not peers.draft.exists()
    assert len(peers.world.updates) == 5, "no update was taken from the bot"
    assert await starts(peers, picture, alice)


async def starts(peers: SetupPeers, picture: Callable[[], bytes], user: int) -> bool:
    """`jokebot run` with what setup wrote, and a photo of the admin is answered."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "run",
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("JOKEBOT_")} | peers.variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        peers.world.send_photo(user, user, picture())
        await peers.world.wait_for(
            lambda _: any("reply_markup" in message for message in peers.world.messages(user)), 100
        )
        return True
    finally:
        process.terminate()
        await process.communicate()


async def test_a_stop_keeps_the_answers_and_the_next_call_goes_on(peers):
    alice = next(iter(peers.world.users))
    async with peers.on_terminal() as setup:
        await setup.answer("Token", TOKEN)
        await setup.wait_for("Who is the admin.*: ")
        assert await setup.interrupt() == 130
        assert "Your answers are kept" in setup.screen and "Traceback" not in setup.screen
    assert not peers.file.exists() and read_only_by_owner(peers.draft)
    async with peers.on_terminal() as setup:
        await setup.wait_for("Going on with the answers")
        await setup.answer("Who is the admin.*: ", "me")
        await setup.wait_for("me is no Telegram id")
        await setup.answer("Who is the admin.*: ", str(alice))
        await setup.wait_for("Engine: .*: ")
        assert await setup.interrupt() == 130
    async with peers.on_terminal() as setup:
        await setup.wait_for("✓ admin: ")
        await setup.answer("Engine: .*: ", peers.engine.url)
        await setup.wait_for("Start the bot:")
        assert await setup.end() == 0
        assert "Token (" not in setup.screen and "Who is" not in setup.screen
    assert peers.values()["telegram"]["admins"] == [alice] and not peers.draft.exists()


async def test_flags_answer_everything_without_a_terminal(peers):
    code, out, err = await peers.by_flags(
        "--token-file", peers.folder / "token", "--admin", 42, "--admin", 43, "--engine", peers.engine.url
    )
    assert (code, err) == (0, "") and "✓ bot: @jokebot_sandbox_bot" in out and TOKEN not in out
    assert peers.values()["telegram"] == {"token": TOKEN, "admins": [42, 43]} and read_only_by_owner(peers.file)


async def test_an_engine_that_is_away_is_used_only_if_the_admin_says_so(peers):
    words = ("--token-file", peers.folder / "token", "--admin", 42, "--engine", "http://127.0.0.1:9/v1")
    code, _, err = await peers.by_flags(*words)
    assert code == 2 and "isn't used" in err and not peers.file.exists()
    code, out, _ = await peers.by_flags(*words, "--yes")
    assert code == 1 and "✗ engine" in out and "Correct what is marked" in out
    assert peers.values()["engine"] == {"url": "http://127.0.0.1:9/v1"}


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        ([], {}, "Give --token-file FILE"),
        ([], {"JOKEBOT_TELEGRAM_TOKEN": TOKEN}, "Give --admin ID"),
        ([], {"JOKEBOT_TELEGRAM_TOKEN": OTHER}, "Telegram refuses the token"),
        (["--token-file", "/nowhere"], {}, "/nowhere can't be read: No such file"),
        (["--admin", "0"], {"JOKEBOT_TELEGRAM_TOKEN": TOKEN}, "telegram.admins.0"),
        (["--admin", "42"], {"JOKEBOT_TELEGRAM_TOKEN": TOKEN}, "Give --engine KIND"),
        (["--admin", "42", "--engine", "gpu"], {"JOKEBOT_TELEGRAM_TOKEN": TOKEN}, "gpu is no engine"),
        (["--admin", "42", "--engine", "lmdeploy"], {"JOKEBOT_TELEGRAM_TOKEN": TOKEN}, "LMDeploy needs an NVIDIA GPU"),
        (["--proxy", "http://me:secret@10.0.0.1:1"], {}, "JOKEBOT_TELEGRAM_PROXY instead"),
        (["--proxy", "socks5://10.0.0.1:1"], {"JOKEBOT_TELEGRAM_BASE_URL": "http://telegram.invalid"}, "Give --token"),
        (["--language", "zh"], {}, "请加上 --token-file FILE"),
    ],
)
async def test_what_is_missing_or_wrong_without_a_terminal_is_one_line(peers, arguments, variables, words):
    code, out, err = await peers.by_flags(*arguments, PATH=str(peers.folder), **variables)
    assert code == 2 and words in err and len(err.splitlines()) == 1 and not peers.file.exists()
    assert TOKEN not in out + err and OTHER not in out + err and "secret" not in out + err


async def test_a_second_call_changes_only_what_is_answered_and_asks_before_it_writes(peers):
    peers.file.parent.mkdir(mode=0o700)
    peers.file.write_text(
        f'# mine\n[telegram]\ntoken = "{TOKEN}"  # from BotFather\nadmins = [\n    42,  # me\n]\n\n'
        f'[engine]\nurl = "{peers.engine.url}"\nkind = "url"\n\n[joke]\ntemperature = 0.7  # wilder\n'
    )
    async with peers.on_terminal() as setup:
        await setup.answer("token of bot 123456 is set", "")
        await setup.answer(r"Who is the admin.*\[42\]: ", "42, 43")
        await setup.answer("Engine: .*: ", "")
        await setup.wait_for(r"telegram.admins = \[42, 43\]")
        await setup.answer("Change these settings", "n")
        assert await setup.end() == 2
    assert peers.values()["telegram"]["admins"] == [42] and peers.draft.exists()
    async with peers.on_terminal() as setup:
        await setup.answer("Change these settings", "y")
        assert await setup.end() == 0
    text = peers.file.read_text()
    assert text.startswith("# mine\n[telegram]\n") and "temperature = 0.7  # wilder\n" in text
    assert peers.values()["telegram"]["admins"] == [42, 43] and f'token = "{TOKEN}"  # from BotFather' in text
    assert read_only_by_owner(peers.file)
    code, out, err = await peers.by_flags("--yes")
    assert (code, err) == (0, "") and "Nothing changes" in out and peers.file.read_text() == text


async def test_a_bot_that_runs_on_the_data_keeps_its_updates(peers):
    """Setup reads none of them: an admin is named by id then."""
    peers.file.parent.mkdir(mode=0o700)
    variables = {
        **os.environ,
        **peers.variables,
        "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
        "JOKEBOT_ENGINE_URL": peers.engine.url,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", cwd=ROOT, env=variables, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await until(lambda: any(call.method == "getUpdates" for call in peers.sandbox.calls))
        async with peers.on_terminal() as setup:
            await setup.wait_for("A bot is running on the data")
            await setup.answer("Token", TOKEN)
            await setup.wait_for("no code can be used here")
            await setup.answer("Your Telegram id: ", "42")
            await setup.wait_for("✓ admin: 42")
            await setup.answer("Engine: .*: ", peers.engine.url)
            assert await setup.end() == 0
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def forwarding_proxy(target: str) -> AsyncIterator[int]:
    """An HTTP proxy that takes every request for telegram.invalid to `target`; yields its port."""
    host, port = urlsplit(target).hostname, urlsplit(target).port

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).replace(b"http://telegram.invalid", b"", 1)
        head = head.replace(b"Host: telegram.invalid", f"Host: {host}:{port}\r\nConnection: close".encode())
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        answers, requests = await asyncio.open_connection(host, port)
        requests.write(head + await reader.readexactly(length))
        writer.write(await answers.read())
        writer.close()
        requests.close()

    async with await asyncio.start_server(forward, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_telegram_behind_a_proxy_is_reached_once_the_proxy_is_named(peers):
    async with (
        forwarding_proxy(peers.sandbox.url) as port,
        peers.on_terminal(JOKEBOT_TELEGRAM_BASE_URL="http://telegram.invalid") as setup,
    ):
        await setup.answer("Token", TOKEN)
        await setup.wait_for("Telegram can't be reached")
        await setup.answer("HTTP proxy", "socks5://127.0.0.1:1080")
        await setup.wait_for("only HTTP proxies are supported")
        await setup.answer("HTTP proxy", f"http://me:proxysecret@127.0.0.1:{port}")
        await setup.wait_for("✓ bot: @jokebot_sandbox_bot")
        await setup.answer("Who is the admin", "")
        code = (await setup.wait_for(r"start=\w+")).removeprefix("start=")
        alice = next(iter(peers.world.users))
        peers.world.send_text(alice, alice, f"/start {code}")
        await setup.answer("Engine: .*: ", peers.engine.url)
        assert await setup.end() == 0, setup.screen
    assert peers.values()["telegram"]["proxy"] == f"http://me:proxysecret@127.0.0.1:{port}"


async def test_a_host_without_a_gpu_is_told_how_slow_it_is_and_may_take_the_demo_model(peers):
    async with peers.on_terminal("--token-file", "token", "--admin", "42", PATH=str(peers.folder), TZ="UTC") as setup:
        await setup.answer("No NVIDIA GPU here.*: ", "cpu")
        await setup.wait_for("about 30 s on two cores")
        await setup.answer("Model: .*: ", "InternVL3-1B")
        await setup.wait_for("InternVL3-1B is no model")
        await setup.answer(r"Model: .*\[demo\]: ", "")
        await setup.answer(r"Time zone.*\[UTC\]: ", "Europe/Nowhere")
        await setup.answer(r"Time zone.*\[UTC\]: ", "Europe/Paris")
        await setup.wait_for("✓ engine .* the bot starts 1 cpu server")
        assert await setup.end() == 0, setup.screen
    assert peers.values()["engine"] == {"kind": "cpu"} and peers.values()["host"] == {"time_zone": "Europe/Paris"}
    assert peers.values()["model"] == {"directory": str(DEMO)}


async def test_a_host_with_a_gpu_gets_lmdeploy_and_is_told_what_it_lacks(peers):
    """nvidia-smi and the serve environment's Python are stand-ins; this host has no GPU."""
    smi = peers.folder / "nvidia-smi"
    smi.write_text('#!/bin/sh\n[ "$1" = -L ] && echo "GPU 0: NVIDIA H200" || echo "NVIDIA H200, 0, 143771"\n')
    smi.chmod(0o755)
    words = ["--token-file", peers.folder / "token", "--admin", "42", "--model", DEMO, "--yes"]
    variables = {"PATH": str(peers.folder), "JOKEBOT_ENVIRONMENTS_SERVE_PYTHON": str(peers.folder / "serve-python")}
    _gpus.cache_clear()
    try:
        code, out, err = await peers.by_flags(*words, **variables)
        assert code == 2 and err.endswith("is not there: run `make env-serve`.\n") and not peers.file.exists()
        shutil.copy(peers.folder / "train-python", peers.folder / "serve-python")
        code, out, err = await peers.by_flags(*words, **variables)
        assert "✓ engine: lmdeploy" in out and "✓ engine       the bot starts 1 lmdeploy server" in out, out + err
        assert peers.values()["engine"] == {"kind": "lmdeploy"} and "A CPU is slow" not in out
    finally:
        _gpus.cache_clear()


async def test_a_directory_is_checked_registered_and_put_into_service(peers):
    words = ["--token-file", peers.folder / "token", "--admin", "42", "--engine", "cpu", "--yes"]
    model = shutil.copytree(DEMO, peers.folder / "first")
    code, out, err = await peers.by_flags(*words, "--model", peers.folder / "nowhere")
    assert code == 2 and "There is no directory" in err and not peers.file.exists()
    code, out, err = await peers.by_flags(*words, "--model", model)
    assert (code, err) == (0, "") and f"✓ model: first ({model})" in out
    second = shutil.copytree(DEMO, peers.folder / "second")
    (second / "README.md").write_text("another")
    code, out, err = await peers.by_flags(*words, "--model", second)
    assert (code, err) == (0, "") and f"✓ model: second ({second})" in out


@pytest.mark.skipif(not TRAIN.exists(), reason="there is no train environment: run `make env-train`")
async def test_a_model_is_fetched_from_a_mirror_after_a_question(peers):
    files = {file.name: file.read_bytes() for file in DEMO.iterdir() if file.name != "CARD.md"}
    words = ("--token-file", "token", "--admin", "42", "--engine", "cpu")
    with HubThread(LoopbackHub("OpenGVLab/InternVL2-2B", {"a" * 40: files})) as hub:
        async with peers.on_terminal(*words) as setup:
            await setup.wait_for("A CPU is slow.")
            await setup.answer("Model: .*: ", "internvl2-2b")
            await setup.answer(r"Where from.*\[hf\]: ", hub.address)
            await setup.answer(r"Fetch it\? \[y/N\]", "n")
            assert await setup.end() == 2 and hub.transfers == []
        async with peers.on_terminal(*words) as setup:
            await setup.answer("Model: .*: ", "internvl2-2b")
            await setup.answer("Where from.*: ", hub.address)
            await setup.answer(r"Fetch it\?", "y")
            await setup.answer(r"Do you trust it\?", "y")
            await setup.wait_for("✓ model: InternVL2-2B")
            assert await setup.end() == 0, setup.screen
    assert "Token (" not in setup.screen and "model" not in peers.values()


async def test_all_commands_read_the_file_and_the_demo_has_settings_of_its_own(peers, monkeypatch, capsys):
    peers.file.parent.mkdir(mode=0o700)
    peers.file.write_text("[log]\nlevel = 'LOUD'\n")
    for command in ("models", "runs", "doctor"):
        monkeypatch.setenv("JOKEBOT_STORAGE_DIRECTORY", str(peers.file.parent))
        monkeypatch.setenv("JOKEBOT_CONFIG", "")
        assert await asyncio.to_thread(main, [command]) == 2
        assert "log.level" in capsys.readouterr().err
    peers.file.write_text("")
    for command, config in (("models", str(peers.file)), ("demo", "")):
        monkeypatch.setenv("JOKEBOT_CONFIG", "")
        monkeypatch.setattr(f"bot.cli.{command}.run", lambda arguments, settings: 0)
        assert await asyncio.to_thread(main, [command]) == 0
        assert os.environ["JOKEBOT_CONFIG"] == config
