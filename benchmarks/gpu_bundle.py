"""Collects the bot's wheels for a GPU host without a package registry: `python3 benchmarks/gpu_bundle.py DIR`.

DIR is `.gpu/bundle/bot` for `gpu_check.sh`; its siblings `serve` and `train` hold LMDeploy's and XTuner's wheels. The
bundle has the packages that these folders and a usual PyTorch image (Python 3.12 with aiohttp, matplotlib, numpy,
pillow, psutil, rich) lack, in the lock's versions. Babel's data of unused languages are dropped: 3 MB instead of 17.
Uses the standard library only.
"""

import base64
import csv
import hashlib
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

LOCK = Path(__file__).parents[1] / "configs" / "requirements" / "bot.txt"
WANTED = (
    "aiosqlite",
    "apscheduler",
    "babel",
    "fluent-runtime",
    "fluent-syntax",
    "prometheus-client",
    "pydantic-settings",
    "python-dotenv",
    "python-telegram-bot",
    "pytz",
    "tzdata",
    "tzlocal",
)
DROPPED = re.compile(r"babel/locale-data/(?!(root|en|en_US|en_001|zh|zh_Hans|zh_Hans_CN|zh_Hant)\.dat)")


def requirements() -> list[str]:
    """The lock's pins of WANTED. Without their hashes, which the environment's own installation checks."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    return [f"{name}=={pins[name]}" for name in WANTED]


def repack(wheel: Path) -> None:
    """Rewrite the wheel without the members that DROPPED matches, with a new RECORD."""
    source = zipfile.ZipFile(io.BytesIO(wheel.read_bytes()))
    record = next(name for name in source.namelist() if name.endswith(".dist-info/RECORD"))
    rows: list[tuple[str, str, object]] = []
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for member in source.infolist():
            if member.is_dir() or member.filename == record or DROPPED.match(member.filename):
                continue
            data = source.read(member)
            target.writestr(member, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append((member.filename, f"sha256={digest}", len(data)))
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerows([*rows, (record, "", "")])
        target.writestr(record, written.getvalue())


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--python-version",
            "3.12",
            "--implementation",
            "cp",
            "--dest",
            str(folder),
            *requirements(),
        ],
        check=True,
    )
    for wheel in folder.glob("babel-*.whl"):
        repack(wheel)
    size = sum(file.stat().st_size for file in folder.glob("*.whl")) / 2**20
    print(f"{folder}: {len(list(folder.glob('*.whl')))} wheels, {size:.1f} MiB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
