# environment: train
"""`make bench-merge`: compares our merge, XTuner's `convert_to_official` and a plain copy of the same bytes.

    speedup      convert_to_official's wall time / ours, of whole processes including imports
    rss_mb       our peak anonymous memory (RssAnon), summed over its processes
    copy_ratio   our wall time / `cp`'s wall time for the weight files
    max_ulp      largest difference to convert_to_official's result, in bf16 steps at max(|base|, |delta|)

Inputs are read once first, so that they are in the page cache; ours and the copy are medians of --repeats. The 2b shape
needs 14 GB of disk. `make bench-merge ARGS="--shape tiny"` is quick. Parts: --only ours, then --only stock, with one
--folder.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine import Measured, finish, machine, measured  # noqa: E402
from trainer.merge.compare import max_ulp, random_adapter  # noqa: E402

STOCK = (
    "import sys; from pathlib import Path; from trainer.xtuner import compat; compat.apply_repairs(); "
    "from trainer.xtuner.upstream_baseline import convert; "
    "convert(*map(Path, sys.argv[1:4]), int(sys.argv[4]), 2 * int(sys.argv[4]))"
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=("tiny", "2b"), default="2b")
    parser.add_argument("--rank", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--base", type=Path, help="a base model that is there already")
    parser.add_argument("--folder", type=Path, help="where the files go (default: a temporary folder)")
    parser.add_argument("--only", choices=("ours", "stock"), help="one part; a result needs both, in one --folder")
    parser.add_argument(
        "--save", default="", metavar="MACHINE", help="keep the result as benchmarks/results/merge_MACHINE.json"
    )
    return parser.parse_args()


def warm(*directories: Path) -> None:
    """Read all files once, into the page cache."""
    for directory in directories:
        for file in directory.iterdir():
            with file.open("rb") as data:
                while data.read(1 << 24):
                    pass


def ours(adapter: Path, base: Path, out: Path) -> Measured:
    shutil.rmtree(out, ignore_errors=True)
    warm(adapter, base)
    return measured(
        [sys.executable, "-m", "trainer.merge", str(adapter), "--base", str(base), "--out", str(out)],
        out.with_suffix(".log"),
    )


def copied(base: Path, out: Path) -> Measured:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    return measured(["cp", *map(str, base.glob("*.safetensors")), str(out)])


def stock(checkpoint: Path, base: Path, out: Path, rank: int) -> Measured:
    return measured(
        [sys.executable, "-c", STOCK, str(base), str(checkpoint), str(out), str(rank)],
        out.with_suffix(".log"),
        PYTHONPATH=f"{ROOT}:{os.environ.get('PYTHONPATH', '')}",
    )


def part_ours(options: argparse.Namespace, folder: Path, base: Path) -> None:
    """Measure our merge and the copy; nothing else should run on the machine."""
    random_adapter(base, folder / "adapter", options.rank)
    runs = [ours(folder / "adapter", base, folder / "merged") for _ in range(options.repeats)]
    phases = json.loads((folder / "merged.log").read_text(encoding="utf-8").splitlines()[-1])["phases"]
    copies = [copied(base, folder / "copy") for _ in range(options.repeats)]
    shutil.rmtree(folder / "copy")
    report = {
        "merge_s": [run.seconds for run in runs],
        "merge_cpu_s": [run.cpu_s for run in runs],
        "merge_anon_mb": [run.anon_mb for run in runs],
        "phases_s": phases,
        "copy_s": [run.seconds for run in copies],
        "copy_cpu_s": [run.cpu_s for run in copies],
    }
    (folder / "ours.json").write_text(json.dumps(report), encoding="utf-8")
    print("ours", report, flush=True)


def part_stock(options: argparse.Namespace, folder: Path, base: Path) -> dict[str, Any]:
    """Measure convert_to_official and the difference to our result; returns the whole result."""
    import torch
    from safetensors.torch import load_file

    torch.save({"state_dict": load_file(str(folder / "adapter" / "adapter.safetensors"))}, folder / "adapter.pth")
    warm(base)
    theirs = stock(folder / "adapter.pth", base, folder / "official", options.rank)
    raw, merged = json.loads((folder / "ours.json").read_text(encoding="utf-8")), folder / "merged"
    seconds = statistics.median(raw["merge_s"])
    return {
        "speedup": round(theirs.seconds / seconds, 2),
        "rss_mb": max(raw["merge_anon_mb"]),
        "copy_ratio": round(seconds / statistics.median(raw["copy_s"]), 2),
        "max_ulp": max_ulp(base, folder / "official", merged),
        **raw,
        "stock_s": theirs.seconds,
        "stock_rss_mb": theirs.anon_mb,
        "shape": options.shape,
        "rank": options.rank,
        "weight_gb": round(sum(file.stat().st_size for file in merged.glob("*.safetensors")) / 1e9, 3),
        "machine": machine(),
    }


def main() -> None:
    options = arguments()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="bench-merge-"))
    folder.mkdir(parents=True, exist_ok=True)
    base = options.base or folder / "base"
    if not (base / "config.json").exists():
        measured(
            [sys.executable, "-m", "bot", "demo-model", "random", "--shape", options.shape, "--out", str(base)],
            folder / "base.log",
        )
    if options.only != "stock":
        part_ours(options, folder, base)
    if options.only != "ours":
        finish(part_stock(options, folder, base), "merge", options.save)
    if not options.folder:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
