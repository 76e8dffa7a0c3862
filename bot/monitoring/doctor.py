"""The checks of `jokebot doctor`: each finds problems with what the bot needs, and says how to fix them.

Each check is a function that returns DoctorFindings. No check changes anything.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.monitoring.doctor_finding import DoctorFinding
from bot.monitoring.doctor_telegram import check_access, check_bot_of_database, check_token, check_webhook
from bot.monitoring.engine_check import check_engine, check_model
from bot.monitoring.launcher_check import check_launcher
from bot.monitoring.pack_check import check_pack
from configs.child_environment import child_environment
from configs.host_environment import check_time_zone, proxy_for, telegram_proxy
from configs.settings import ROOT, Settings
from storage.database import DatabaseError, check_file

ENOUGH_DISK_BYTES = 5 * 2**30
"""Disk space for photos, a dataset and one more 2B model (4.4 GB)."""
PROBE_TIMEOUT_S = 600
"""Imports of torch and similar packages take seconds, and minutes on a busy machine."""
NO_LIBRARY = "cannot open shared object file"
ADDED = "delete .venv/deepspeed and "
"""DeepSpeed has no folder: it is added to the train environment."""
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
                LIBRARIES if lacking else f"delete .venv/{name} and run `make env-{name}`".removeprefix(ADDED),
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
    if settings.training.deepspeed:
        train += check_environment("deepspeed", settings.environments.train_python, ["deepspeed"], needed=True)
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
    intact = DoctorFinding("ok", "database", f"{path} is intact and holds {ratings} ratings")
    return [intact, *check_bot_of_database(settings)]


CHECKS: tuple[Callable[[Settings], Awaitable[list[DoctorFinding]]], ...] = (
    check_token,
    check_webhook,
    check_access,
    check_engine,
    check_model,
    check_environments,
    check_launcher,
    check_disk,
    check_database,
    check_pack,
)


async def run_checks(settings: Settings) -> list[DoctorFinding]:
    """Run all checks; returns the findings in order."""
    return [finding for check in CHECKS for finding in await check(settings)]


async def print_findings(
    settings: Settings, checks: Callable[[Settings], Awaitable[list[DoctorFinding]]] = run_checks
) -> bool:
    """Run the checks and print the findings; returns whether none is bad. Raises SettingsError for TZ and proxies."""
    check_time_zone()
    telegram_proxy(settings.telegram.base_url, settings.telegram.proxy.get_secret_value())
    proxy_for(settings.engine.url)
    findings = await checks(settings)
    for finding in findings:
        print(finding.format())
    return all(finding.state != "bad" for finding in findings)
