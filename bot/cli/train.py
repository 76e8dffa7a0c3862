"""`jokebot train`: train an adapter on a dataset."""

import argparse
from pathlib import Path

from configs.settings import Settings

HELP = "train a model on a dataset (QLoRA); the same command continues a stopped run"
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="directory with train.json and its images")
    parser.add_argument("--base", type=Path, required=True, metavar="MODEL", help="directory of the base model")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="output directory for progress, checkpoints and the adapter",
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Return 0 when done, 143 when stopped with a checkpoint, 1 when failed (progress.json says why)."""
    from trainer.xtuner.entry import train

    return train(arguments.dataset, arguments.base, arguments.out, settings)
