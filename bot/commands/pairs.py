"""`jokebot pairs`: what a run would learn from now."""
import argparse
import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

from configs.settings import Settings

HELP = "show what a retraining run would learn from"
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print it; nothing is written but the side of the split that new photos are on."""
    found = asyncio.run(look(settings))
    if arguments.json:
        print(json.dumps(found))
    else:
        print("{new} new jokes that people liked ({fresh} of them in no dataset so far) and {replayed} from before, "
              "by the ratings of {people} people".format(**found))
    return 0


async def look(settings: Settings) -> dict[str, Any]:
    from configs.blocklist import BlockList
    from storage import models
    from storage.database import Database
    from trainer.forecast import forecast
    from trainer.prospect import look_ahead

    async with Database.of(settings.storage) as database:
        found = await look_ahead(database, settings.selection, BlockList.of(settings.guard))
        serving = await models.champion(database)
        directory = Path(serving.directory) if serving and serving.directory else settings.model.directory
        training = forecast(found.new + found.replayed, directory, settings) if directory else None
        return {**dataclasses.asdict(found), "training": dataclasses.asdict(training) if training else None}
