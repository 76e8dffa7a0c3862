"""The checks of `jokebot doctor`: each finds problems with what the bot needs, and says how to fix them.

Each check is a function that returns DoctorFindings. No check changes anything.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from configs.child_environment import child_environment
from configs.errors import JokebotError
from configs.host_environment import proxy_for
from configs.settings import ROOT, Settings
from storage.database import DatabaseError, check_file

ENOUGH_DISK_BYTES = 5 * 2**30
"""Disk space for photos, a dataset and one more 2B model (4.4 GB)."""
PROBE_TIMEOUT_S = 600
"""Imports of torch and similar packages take seconds, and minutes on a busy machine."""
NO_LIBRARY = "cannot open shared object file"
LIBRARIES = "install the system's library; on Debian, `apt-get install libgl1 libglib2.0-0` installs OpenCV's"
PROBE = """
import importlib.metadata as m, json, platform, sys
wanted = json.loads(sys.argv[1])
def version(name):
    try: return m.version(name)
    except m.PackageNotFoundError: return None
report = {"python": platform.python_version(), "versions": {name: version(name) for name in wanted}, "errors": []}
def load(module):
    if module != "torchvision": return __import__(module)
    import torch
    from configs.transformers_imports import import_torchvision
    import_torchvision(torch)
for module in json.loads(sys.argv[2]):
    try: load(module)
    except Exception as error: report["errors"].append(f"import {module}: {type(error).__name__}: {error}")
if "torch" in sys.modules:
    import torch
    report["cuda"] = torch.cuda.get_device_name() if torch.cuda.is_available() else None
print(json.dumps(report))
"""


@dataclass(frozen=True)
class DoctorFinding:
    """The result of one check: `state` is "ok", "note" (works, with a remark) or "bad"; `todo` says how to fix it."""

    state: str
    subject: str
    message: str
    todo: str = ""

    def format(self) -> str:
        mark = {"ok": "✓", "note": "·", "bad": "✗"}[self.state]
        return f"{mark} {self.subject.ljust(12)} {self.message}" + (
            f"\n  {' ' * 12} → {self.todo}" if self.todo else ""
        )


async def check_token(settings: Settings) -> list[DoctorFinding]:
    """Check the token: ask Telegram for the bot's name."""
    token = settings.telegram.token.get_secret_value()
    if not token:
        return [
            DoctorFinding(
                "bad",
                "token",
                "no bot token is set",
                "talk to @BotFather, then set JOKEBOT_TELEGRAM_TOKEN (`make demo` needs none)",
            )
        ]
    from telegram import Bot
    from telegram.error import InvalidToken, TelegramError

    from bot.telegram.http import AiohttpRequest

    base, request = settings.telegram.base_url, AiohttpRequest(1, 15.0, proxy=proxy_for(settings.telegram.base_url))
    try:
        async with Bot(token, base_url=f"{base}/bot", request=request) as bot:
            return [DoctorFinding("ok", "token", f"Telegram knows the bot as @{bot.username}")]
    except InvalidToken:
        return [
            DoctorFinding(
                "bad", "token", "Telegram refuses the token", "copy it again from @BotFather; it looks like 123456:ABC…"
            )
        ]
    except TelegramError as error:
        message = str(error).replace(token, "…")
        return [
            DoctorFinding(
                "bad",
                "telegram",
                f"{settings.telegram.base_url} does not answer: {message}",
                "check the network, a proxy, or JOKEBOT_TELEGRAM_BASE_URL",
            )
        ]


async def check_webhook(settings: Settings) -> list[DoctorFinding]:
    """Check the settings of the webhook mode."""
    telegram = settings.telegram
    if telegram.mode == "polling":
        return []
    if not telegram.webhook_url.startswith("https://"):
        return [
            DoctorFinding(
                "bad",
                "webhook",
                "the webhook's address is missing or not https",
                "set JOKEBOT_TELEGRAM_WEBHOOK_URL to the public https address of your reverse proxy",
            )
        ]
    if not telegram.webhook_secret.get_secret_value():
        return [
            DoctorFinding(
                "bad",
                "webhook",
                "no webhook secret is set",
                "set JOKEBOT_TELEGRAM_WEBHOOK_SECRET to a long random word (letters, digits, _ and -)",
            )
        ]
    return [DoctorFinding("ok", "webhook", f"{telegram.webhook_url} → {telegram.webhook_listen}")]


async def check_engine(settings: Settings) -> list[DoctorFinding]:
    """Check that the engine serves the model, or that the bot can start its own servers."""
    if settings.engine.kind != "url":
        return check_own_servers(settings)
    from bot.engine.client import EngineClient, EngineError

    client = EngineClient(settings.engine)
    try:
        models = await client.models()
    except EngineError as error:
        return [
            DoctorFinding(
                "bad",
                "engine",
                f"{settings.engine.url}: {error}",
                "start one (`jokebot serve MODEL_DIR`, or LMDeploy on a GPU), or set JOKEBOT_ENGINE_URL",
            )
        ]
    finally:
        await client.close()
    expected = settings.engine.model
    if expected and expected not in models:
        return [
            DoctorFinding(
                "bad", "engine", f"it serves {', '.join(models)}, not {expected}", "correct JOKEBOT_ENGINE_MODEL"
            )
        ]
    return [DoctorFinding("ok", "engine", f"{settings.engine.url} serves {', '.join(models)}")]


def check_own_servers(settings: Settings) -> list[DoctorFinding]:
    """Check what the bot needs to start servers: an environment, a checkpoint, and for LMDeploy a GPU."""
    from bot.engine.servers.launch import make_launcher
    from storage.learning.models import Model

    kind, base = settings.engine.kind, settings.model
    if kind == "lmdeploy" and shutil.which("nvidia-smi") is None:
        return [
            DoctorFinding(
                "bad",
                "engine",
                "LMDeploy needs an NVIDIA GPU, and this host has no driver for one",
                "set JOKEBOT_ENGINE_KIND to `cpu`, or to `url` for an engine on another host",
            )
        ]
    if base.directory is None:
        return [
            DoctorFinding(
                "note",
                "engine",
                f"the bot starts its {kind} servers for the champion in the registry (`jokebot models`)",
            )
        ]
    try:
        make_launcher(settings)(Model(0, base.name, "base", None, None, str(base.directory), None, "{}", 0.0), 0, "")
    except JokebotError as error:
        return [DoctorFinding("bad", "engine", str(error), "correct JOKEBOT_MODEL_DIRECTORY or make the environment")]
    return [
        DoctorFinding(
            "ok",
            "engine",
            f"the bot starts {settings.server_count} {kind} server{'s' * (settings.server_count > 1)} for "
            f"{base.name} at {base.directory}",
        )
    ]


def locked_versions(name: str) -> dict[str, str]:
    """The packages of an environment's lock with their versions."""
    lock = (ROOT / "configs/requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)==([\w.+!-]+)", lock, re.MULTILINE))


def check_environment(name: str, python: Path, modules: list[str], *, needed: bool) -> list[DoctorFinding]:
    """Compare an environment with its lock, and import `modules` in it."""
    state = "bad" if needed else "note"
    if not python.exists():
        return [DoctorFinding(state, f"{name} env", f"{python} is not there", f"run `make env-{name}`")]
    lock = locked_versions(name)
    try:
        process = subprocess.run(
            [str(python), "-c", PROBE, json.dumps(list(lock)), json.dumps(modules)],
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            cwd=ROOT,
            env=child_environment(),
        )
        report = json.loads(process.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, IndexError, json.JSONDecodeError) as error:
        return [
            DoctorFinding(state, f"{name} env", f"its Python can't be asked: {error}", f"run `make env-{name}` again")
        ]
    wrong = [
        f"{package} {version or 'missing'} (wanted {lock[package]})"
        for package, version in report["versions"].items()
        if version != lock[package]
    ]
    if wrong or report["errors"]:
        lacking = any(NO_LIBRARY in error for error in report["errors"])
        return [
            DoctorFinding(
                state,
                f"{name} env",
                "; ".join([*report["errors"], *wrong[:4]]),
                LIBRARIES if lacking else f"delete .venv/{name} and run `make env-{name}`",
            )
        ]
    card = f", {report['cuda']}" if report.get("cuda") else ", no GPU" if "cuda" in report else ""
    return [DoctorFinding("ok", f"{name} env", f"Python {report['python']}, {len(lock)} packages as locked{card}")]


async def check_environments(settings: Settings) -> list[DoctorFinding]:
    """Check the environments in the settings; LMDeploy's is needed only on a host with a GPU."""
    train = check_environment(
        "train",
        settings.environments.train_python,
        ["torch", "torchvision", "transformers", "bitsandbytes", "mmengine", "cv2", "peft", "xtuner"],
        needed=True,
    )
    serve = settings.environments.serve_python
    if not serve.exists() and shutil.which("nvidia-smi") is None:
        return [
            *train,
            DoctorFinding("note", "serve env", "not made: this host has no NVIDIA driver; the CPU engine needs none"),
        ]
    return [*train, *check_environment("serve", serve, ["lmdeploy"], needed=False)]


async def check_disk(settings: Settings) -> list[DoctorFinding]:
    """Check the free disk space of the data folder."""
    folder = settings.storage.directory.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    message = f"{free / 2**30:.1f} GiB free for {settings.storage.directory}"
    if free < ENOUGH_DISK_BYTES:
        return [
            DoctorFinding("bad", "disk", message, "free some space: photos, one dataset and one more model need 5 GiB")
        ]
    return [DoctorFinding("ok", "disk", message)]


async def check_database(settings: Settings) -> list[DoctorFinding]:
    """Check the database without changing it."""
    path = settings.storage.database
    if not path.exists():
        return [DoctorFinding("note", "database", f"{path} will be created at the first start")]
    try:
        ratings = check_file(path)
    except DatabaseError as error:
        return [DoctorFinding("bad", "database", str(error), "restore it from a backup")]
    return [DoctorFinding("ok", "database", f"{path} is intact and holds {ratings} ratings")]


CHECKS: tuple[Callable[[Settings], Awaitable[list[DoctorFinding]]], ...] = (
    check_token,
    check_webhook,
    check_engine,
    check_environments,
    check_disk,
    check_database,
)


async def run_checks(settings: Settings) -> list[DoctorFinding]:
    """Run all checks; returns the findings in order."""
    return [finding for check in CHECKS for finding in await check(settings)]
