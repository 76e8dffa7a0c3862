"""The webhook behind real nginx and Caddy with the files of configs/deploy/; the bot listens on loopback."""

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from bot.sandbox import webhook as sandbox_webhook
from bot.telegram.webhook import SECRET_HEADER
from configs.settings import ROOT, Settings

DEPLOY = ROOT / "configs" / "deploy"
PATH = "/telegram/a-long-random-path"
SECRET = "a-long-random-word"
OPENSSL = shutil.which("openssl")
PROXIES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            not shutil.which(name) or not OPENSSL, reason=f"there is no {name} or no openssl here"
        ),
    )
    for name in ("nginx", "caddy")
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def certificate(folder: Path) -> None:
    """Write a certificate for localhost that only this test trusts."""
    subprocess.run(
        [
            OPENSSL,
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=120,
    )


def nginx(folder: Path, port: int, listen: str) -> list[str]:
    """The command for nginx with our file, in which only names, ports and certificate paths are replaced."""
    ours = (DEPLOY / "nginx.conf").read_text()
    for old, new in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "    listen [::]:443 ssl;\n": "",
        "bot.example.org;": "localhost;",
        "/etc/letsencrypt/live/bot.example.org/fullchain.pem": f"{folder}/cert.pem",
        "/etc/letsencrypt/live/bot.example.org/privkey.pem": f"{folder}/key.pem",
        f"http://{Settings().telegram.webhook_listen};": f"http://{listen};",
    }.items():
        assert ours.count(old) == 1, old
        ours = ours.replace(old, new)
    places = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{places}{ours}}}\n"
    )
    command = [shutil.which("nginx") or "", "-p", str(folder), "-e", f"{folder}/errors", "-c", f"{folder}/nginx.conf"]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=120)
    assert tried.returncode == 0 and "[warn]" not in tried.stderr, tried.stderr
    return command


def caddy(folder: Path, port: int, listen: str) -> list[str]:
    """The command for Caddy with our file, with a certificate instead of a request for one."""
    ours = (DEPLOY / "Caddyfile").read_text()
    for old, new in {
        "bot.example.org {": f"https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls {folder}/cert.pem {folder}/key.pem",
        f"reverse_proxy {Settings().telegram.webhook_listen}": f"reverse_proxy {listen}",
    }.items():
        assert ours.count(old) == 1, old
        ours = ours.replace(old, new)
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{ours}")
    command = [shutil.which("caddy") or ""]
    check = subprocess.run(
        [*command, "validate", "--config", str(DEPLOY / "Caddyfile"), "--adapter", "caddyfile"],
        capture_output=True,
        text=True,
        timeout=120,
        env=at_home(folder),
    )
    assert check.returncode == 0, check.stderr
    return [*command, "run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"]


def at_home(folder: Path) -> dict[str, str]:
    """Environment variables that make a program keep its data in the folder."""
    return {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}


@dataclass
class Proxy:
    """A running proxy: its URL for Telegram, the bot's address behind it, and a TLS context that trusts it."""

    url: str
    listen: str
    trust: ssl.SSLContext

    async def call(self, path: str = PATH, method: str = "POST", **request: Any) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url.replace(PATH, path), ssl=self.trust, **request) as answer,
        ):
            return answer.status


@pytest.fixture(params=PROXIES)
def proxy(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    folder = tmp_path / "proxy"
    folder.mkdir()
    certificate(folder)
    port, listen = free_port(), f"127.0.0.1:{free_port()}"
    command = {"nginx": nginx, "caddy": caddy}[request.param](folder, port, listen)
    trust = ssl.create_default_context(cafile=folder / "cert.pem")
    # Make the sandbox, as Telegram, trust this certificate.
    monkeypatch.setattr(
        sandbox_webhook,
        "aiohttp",
        SimpleNamespace(
            **{
                **vars(aiohttp),
                "ClientSession": lambda **more: aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=trust), **more
                ),
            }
        ),
    )
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=at_home(folder))
    try:
        wait_for_port(port, process, folder / "output")
        yield Proxy(f"https://localhost:{port}{PATH}", listen, trust)
    finally:
        process.terminate()
        process.wait(60)


def wait_for_port(port: int, process: subprocess.Popen[bytes], output: Path) -> None:
    for _ in range(1200):
        assert process.poll() is None, output.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(output.read_text())


@pytest.fixture
async def stage(proxy: Proxy, stage_with: Callable[..., Any]) -> Any:
    """A bot in webhook mode behind the proxy."""
    stage = await stage_with(
        telegram={"mode": "webhook", "webhook_url": proxy.url, "webhook_listen": proxy.listen, "webhook_secret": SECRET}
    )
    await stage.world.wait_for(lambda _: stage.calls("setWebhook"), 60)
    return stage


async def test_a_photo_that_comes_through_the_proxy_is_answered_and_rated(stage, proxy):
    joke = await stage.joke(stage.send_photo())
    assert await stage.press(joke, 0) == stage.words("rated", emoji="😂")
    assert stage.sandbox.webhook.url == proxy.url and not stage.calls("getUpdates")


async def test_what_comes_while_the_bot_is_away_is_answered_when_it_is_back(stage):
    await stage.process.aclose()
    photo = stage.send_photo()
    await stage.world.wait_for(lambda _: "502" in (stage.sandbox.webhook.last_error or (0, ""))[1], 60)
    await stage.restart()
    await stage.joke(photo)


async def test_nothing_but_telegram_s_calls_gets_to_the_bot(stage, proxy):
    update = {"update_id": 5, "message": {}}
    assert await proxy.call(json=update, headers={SECRET_HEADER: "wrong"}) == 403
    assert await proxy.call("/metrics", "GET") == await proxy.call("/", json=update) == 404
    assert await proxy.call(method="GET") in (403, 404)
    assert await proxy.call(data=b"x" * 1_100_000, headers={SECRET_HEADER: SECRET}) in (413, 502), "Caddy 2.6 says 502"
    assert await stage.value("SELECT count(*) FROM inbox") == 0
