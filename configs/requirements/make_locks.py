"""Write the locks `configs/requirements/*.txt` from pyproject.toml: `make lock`, or `make lock ARGS=--upgrade`.

uv resolves, pip installs. uv comes from the configured pip, into `.venv/lock`. One resolution covers the bot, train,
docs and moderation extras and the dev group, so a package has the same version in all of them. The serve extra
disagrees (transformers 5) and is resolved alone. Without `--upgrade`, versions in the existing locks stay where they
still fit. Standard library only.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
UV = "uv==0.13.9"
COMMON = {
    "bot": ["pyproject.toml"],
    "train": ["pyproject.toml", "configs/requirements/torch.in", "--extra=train"],
    "docs": ["pyproject.toml", "--extra=docs"],
    "moderation": ["pyproject.toml", "--extra=moderation"],
    "dev": ["--group=dev"],
}
"""Lock → inputs, for the locks that one resolution covers."""
OPTIONS = (
    "--quiet",
    "--generate-hashes",
    "--no-annotate",
    "--python-version=3.11",
    "--python-platform=x86_64-manylinux_2_28",
    "--custom-compile-command=make lock",
)
"""Hashes cover the files of all platforms. No option writes an index address into a lock, and annotations, which can
hold paths, are off.
"""


def compile_lock(uv: Path, output: Path, *arguments: str) -> None:
    """Resolve `arguments` into `output`, whose present versions are preferred."""
    subprocess.run([str(uv), "pip", "compile", *OPTIONS, *arguments, f"--output-file={output}"], check=True, cwd=ROOT)


def install_uv() -> Path:
    folder = ROOT / ".venv" / "lock"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, UV], check=True)
    return folder / "bin" / "uv"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the locks in configs/requirements/ from pyproject.toml.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that pyproject.toml allows")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    uv, overrides = install_uv(), f"--override={HERE / 'overrides.in'}"
    with tempfile.TemporaryDirectory() as folder:
        everything = Path(folder) / "everything.txt"
        everything.write_text("".join((HERE / f"{name}.txt").read_text() for name in COMMON))
        inputs = dict.fromkeys(part for parts in COMMON.values() for part in parts)
        compile_lock(uv, everything, *inputs, overrides, *upgrade)
        for name, parts in COMMON.items():
            compile_lock(uv, HERE / f"{name}.txt", *parts, overrides, f"--constraint={everything}", "--upgrade")
    compile_lock(uv, HERE / "serve.txt", "pyproject.toml", "--extra=serve", *upgrade)
    for name, versions in (("lmdeploy-cpu", "serve"), ("deepspeed", "train")):
        source, constraint = HERE / f"{name}.in", f"--constraint={HERE / f'{versions}.txt'}"
        compile_lock(uv, source.with_suffix(".txt"), str(source), "--no-deps", constraint, "--upgrade")


if __name__ == "__main__":
    main()
