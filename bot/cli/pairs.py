"""`jokebot pairs`: what a run would learn from now."""

import argparse
import asyncio
import dataclasses
from pathlib import Path

from configs.settings import Settings
from storage.learning.retrain_preview import RetrainPreview

HELP = "show what a retraining run would learn from"
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print it; nothing is written but the side of the split that new photos are on."""
    preview = asyncio.run(compute_preview(settings))
    if arguments.json:
        print(preview.to_json())
    else:
        print(
            f"{preview.new} new jokes that people liked ({preview.fresh} of them in no dataset so far) and "
            f"{preview.replayed} from before, "
            f"by the ratings of {preview.people} people"
        )
    return 0


async def compute_preview(settings: Settings) -> RetrainPreview:
    from configs.blocklist import BlockList
    from storage.database import Database
    from storage.learning import models
    from trainer.dataset.preview import preview_retraining
    from trainer.pipeline.duration_estimate import estimate_duration

    async with Database.connect(settings.storage) as database:
        preview = await preview_retraining(database, settings.selection, BlockList.of(settings.guard))
        serving = await models.get_champion(database)
        directory = Path(serving.directory) if serving and serving.directory else settings.model.directory
        training = estimate_duration(preview.new + preview.replayed, directory, settings) if directory else None
        return dataclasses.replace(preview, training=dataclasses.asdict(training) if training else None)
