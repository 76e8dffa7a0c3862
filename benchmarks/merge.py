# environment: train
"""`make bench-merge`: our merge, XTuner's `convert_to_official` and a plain copy of the same bytes, side by side.

    speedup      convert_to_official's wall time / ours; both are whole processes, imports and all
    rss_mb       our peak anonymous memory (RssAnon)
    copy_ratio   our wall time / the time that `cp` takes for the weight files
    max_ulp      largest difference to convert_to_official's result, in bf16 steps at the size of max(|base|, |delta|)

Inputs are read once before, so they are in the page cache; ours and the copy are medians of --repeats. Needs 14 GB of disk for
the 2b shape. `make bench-merge ARGS="--shape tiny"` is quick.
"""
import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine import Measured, finish, machine, measured  # noqa: E402
from trainer.merge.compare import max_ulp, random_adapter  # noqa: E402

STOCK = ("import sys; from pathlib import Path; from trainer.xtuner import shims; shims.apply(); from trainer.xtuner.stock import convert; "
         "convert(*map(Path, sys.argv[1:4]), int(sys.argv[4]), 2 * int(sys.argv[4]))")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=("tiny", "2b"), default="2b")
    parser.add_argument("--rank", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--base", type=Path, help="a base model that is there already")
    parser.add_argument("--folder", type=Path, help="where the files go (default: a temporary folder)")
    parser.add_argument("--save", default="", metavar="MACHINE", help="keep the result as benchmarks/results/merge_MACHINE.json")
    return parser.parse_args()


def warm(*directories: Path) -> None:
    """Read all files once."""
    for directory in directories:
        for file in directory.iterdir():
            with file.open("rb") as data:
                while data.read(1 << 24):
                    pass


def ours(adapter: Path, base: Path, out: Path) -> Measured:
    shutil.rmtree(out, ignore_errors=True)
    warm(adapter, base)
    return measured([sys.executable, "-m", "trainer.merge", str(adapter), "--base", str(base), "--out", str(out)], out.with_suffix(".log"))


def copied(base: Path, out: Path) -> Measured:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    return measured(["cp", *map(str, base.glob("*.safetensors")), str(out)])


def stock(checkpoint: Path, base: Path, out: Path, rank: int) -> Measured:
    return measured([sys.executable, "-c", STOCK, str(base), str(checkpoint), str(out), str(rank)], out.with_suffix(".log"),
                    PYTHONPATH=f"{ROOT}:{os.environ.get('PYTHONPATH', '')}")


def main() -> None:
    told = arguments()
    folder = told.folder or Path(tempfile.mkdtemp(prefix="bench-merge-"))
    folder.mkdir(parents=True, exist_ok=True)
    base, adapter, merged = told.base or folder / "base", folder / "adapter", folder / "merged"
    if not (base / "config.json").exists():
        measured([sys.executable, "-m", "bot", "demo-model", "random", "--shape", told.shape, "--out", str(base)], folder / "base.log")
    random_adapter(base, adapter, told.rank)
    runs = [ours(adapter, base, merged) for _ in range(told.repeats)]
    copies = [copied(base, folder / "copy") for _ in range(told.repeats)]
    shutil.rmtree(folder / "copy")
    import torch
    from safetensors.torch import load_file
    torch.save({"state_dict": load_file(str(adapter / "adapter.safetensors"))}, folder / "adapter.pth")
    warm(base)
    theirs = stock(folder / "adapter.pth", base, folder / "official", told.rank)
    seconds, copy = statistics.median(run.seconds for run in runs), statistics.median(run.seconds for run in copies)
    result = {"speedup": round(theirs.seconds / seconds, 2), "rss_mb": max(run.anon_mb for run in runs),
              "copy_ratio": round(seconds / copy, 2), "max_ulp": max_ulp(base, folder / "official", merged),
              "merge_s": [run.seconds for run in runs], "merge_cpu_s": [run.cpu_s for run in runs], "stock_s": theirs.seconds,
              "stock_rss_mb": theirs.anon_mb, "copy_s": [run.seconds for run in copies], "copy_cpu_s": [run.cpu_s for run in copies],
              "shape": told.shape, "rank": told.rank, "weight_gb": round(sum(file.stat().st_size for file in merged.glob("*.safetensors")) / 1e9, 3),
              "machine": machine()}
    if not told.folder:
        shutil.rmtree(folder)
    finish(result, "merge", told.save)


if __name__ == "__main__":
    main()
