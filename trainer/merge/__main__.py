"""`python -m trainer.merge ADAPTER --base MODEL --out DIR`: merge in a process with few imports."""

import argparse
import os
import sys
from pathlib import Path

from configs.errors import JokebotError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options, for this process and for `jokebot merge`."""
    parser.add_argument(
        "adapter",
        type=Path,
        metavar="ADAPTER",
        help="what `jokebot train` wrote to --out, or one of XTuner's .pth files",
    )
    parser.add_argument(
        "--base", type=Path, required=True, metavar="MODEL", help="the base model's directory, bf16 safetensors"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the new model's directory; it must not be there yet"
    )
    parser.add_argument("--alpha", type=float, help="LoRA's alpha, for an adapter that doesn't say it")
    parser.add_argument("--sync", action="store_true", help="wait until the result is on the disk")


def run(arguments: argparse.Namespace) -> int:
    # One thread a product, because the blocks are spread over the cores. NumPy reads this at import.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from trainer.merge.merge_adapter import merge, merge_report

    print(
        merge_report(
            merge(arguments.adapter, arguments.base, arguments.out, alpha=arguments.alpha, sync=arguments.sync)
        )
    )
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m trainer.merge")
    add_arguments(parser)
    try:
        return run(parser.parse_args())
    except JokebotError as error:
        print(f"jokebot: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
