"""`jokebot models`: the model registry and deployment."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from bot.cli.runs import clock, plain
from configs.errors import JokebotError
from configs.settings import Settings
from storage.chat import control_requests
from storage.database import Database
from storage.learning import models, promotion
from storage.learning.model_files import code_digests, model_digest
from storage.learning.models import Model, RegistryError
from storage.learning.reasons import EndReason
from storage.maintenance.data_folder import is_bot_running as bot_runs

HELP = "manage models: list, register, deploy, roll back"
ENVIRONMENT = "bot"
ANSWER_WITHIN_S = 600.0
"""A running bot serves a model before it makes it champion, and a large model takes minutes to load."""
COLOURS = {"champion": "green", "canary": "cyan", "rejected": "yellow", "retired": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND")
    kinds.add_parser("list", help="list all models (the default)")
    add = kinds.add_parser("add", help="register a base model: an InternVL2 checkpoint")
    add.add_argument("directory", type=Path, metavar="DIR", help="directory of the checkpoint")
    add.add_argument("--name", help="name in the registry (default: the name of the directory)")
    add.add_argument("--yes", action="store_true", help="trust the code in the checkpoint without asking")
    promote = kinds.add_parser("promote", help="deploy a model")
    promote.add_argument("model", metavar="MODEL", help="number or name of the model")
    kinds.add_parser("rollback", help="deploy the previous champion again")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Return 0 on success. Raises RegistryError if the registry refuses."""
    return asyncio.run(KINDS[arguments.kind or "list"](arguments, settings))


async def show(arguments: argparse.Namespace, settings: Settings) -> int:
    from rich.console import Console

    async with Database.connect(settings.storage) as database:
        Console().print(table(await models.all_models(database), await promotion.get_previous_champion(database)))
    return 0


def table(known: list[Model], back: Model | None) -> Any:
    """The registry, one line per model, or a note that it is empty."""
    from rich.table import Table
    from rich.text import Text

    if not known:
        return "There are no models yet; `jokebot models add DIR` registers one."
    shown = Table(box=None, header_style="bold")
    for title in ("model", "name", "status", "since", "from", "dataset", "why"):
        shown.add_column(title, overflow="fold")
    for model in known:
        status = (
            model.status
            + (", next to go back to" if back and model.id == back.id else "")
            + (", files removed" if model.removed_at else "")
        )
        shown.add_row(
            str(model.id),
            plain(model.name),
            Text(status, style=COLOURS.get(model.status, "")),
            clock(model.created_at),
            "" if model.start_id is None else str(model.start_id),
            (model.dataset or "")[:12],
            plain(model.reason.split(". ")[0]),
        )
    return shown


async def add(arguments: argparse.Namespace, settings: Settings) -> int:
    """Check a checkpoint, ask about its code, hash it and register it."""
    directory = arguments.directory.absolute()
    name, code = arguments.name or directory.name, await asyncio.to_thread(checked, directory)
    if not arguments.yes and not await asyncio.to_thread(agreed, directory, code):
        return 1
    digest = await asyncio.to_thread(model_digest, directory)
    async with Database.connect(settings.storage) as database:
        model = await models.register_base(database, name, str(directory), digest, json.dumps(code))
        if model.is_base and model.directory == str(directory) and model.code != json.dumps(code):
            await models.record_code_consent(database, model.id, json.dumps(code), digest, anew=True)
            model = await models.get_model(database, model.id)
    if (model.directory, model.digest) != (str(directory), digest):
        raise RegistryError(
            f"There is another model of the name {name!r} already ({model.directory or 'without files'}). Give --name."
        )
    print(
        f"Model {model.id} ({model.name}) is registered{' and in service' if model.status == 'champion' else ''}: "
        f"{digest[:12]}"
    )
    return 0


def checked(directory: Path) -> dict[str, str]:
    """The code files of a valid base checkpoint. Raises JokebotError if it or its weights are invalid."""
    from trainer.merge.base_model import BaseCheckpoint
    from trainer.xtuner.entry import check_base

    if not directory.is_dir():
        raise RegistryError(f"There is no directory {directory}.")
    check_base(directory)
    tensors = {name: tensor for file in BaseCheckpoint.open(directory).files.values() for name, tensor in file.items()}
    odd = next((name for name, tensor in tensors.items() if tensor.dtype != "BF16"), None)
    if odd:
        raise RegistryError(
            f"{odd} in {directory} is {tensors[odd].dtype}; runs start from bf16 weights. Convert them first."
        )
    return code_digests(directory)


def agreed(directory: Path, code: dict[str, str]) -> bool:
    """Ask an admin to trust the code, which runs with all rights of this program whenever the model is loaded."""
    if not sys.stdin.isatty():
        raise JokebotError("There is no terminal to ask about the model's code. `--yes` agrees to it.")
    print(f"Loading {directory} runs the code in it, with all rights of this program:")
    print("\n".join(f"  {name}  {sha256[:16]}" for name, sha256 in code.items()) or "  (none)")
    return input("Do you trust it? [y/N] ").strip().lower() in ("y", "yes")


async def promote(arguments: argparse.Namespace, settings: Settings) -> int:
    async with Database.connect(settings.storage) as database:
        model = await models.get_model(database, arguments.model)
        if bot_runs(settings.storage.directory):
            return await asked(database, "promote", model.id)
        await promotion.promote(database, model.id, "admin", reason=EndReason("An admin put it into service.", "admin"))
        print(f"Model {model.id} ({model.name}) is in service; the bot serves it when it starts.")
    return 0


async def rollback(arguments: argparse.Namespace, settings: Settings) -> int:
    async with Database.connect(settings.storage) as database:
        if bot_runs(settings.storage.directory):
            return await asked(database, "rollback")
        change = await promotion.rollback(database, reason="An admin went back.")
        print(f"Model {change.model_id} is in service again; the bot serves it when it starts.")
    return 0


async def asked(database: Database, kind: str, model_id: int | None = None) -> int:
    """Send the request to the running bot and print its answer. Return 1 if it refuses."""
    request = await control_requests.wait_for_answer(
        database, await control_requests.add_request(database, kind, model_id), wait_s=ANSWER_WITHIN_S
    )
    print(request.answer)
    return 0 if request.done else 1


KINDS = {"list": show, "add": add, "promote": promote, "rollback": rollback}
