"""`jokebot models`: the model registry and deployment."""

import argparse
import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.cli.runs import format_time, literal
from configs.errors import JokebotError
from configs.model_code import code_digests
from configs.settings import Settings
from storage.chat import control_requests
from storage.checkpoint.check import check_checkpoint
from storage.checkpoint.completion import complete
from storage.checkpoint.identity import fingerprint_content
from storage.checkpoint.location import locate_checkpoint, model_name
from storage.checkpoint.template import lmdeploy_template
from storage.database import Database
from storage.learning import models, promotion
from storage.learning.dataset_files import count_rows
from storage.learning.model_export import CARD, ExportFacts, export_model
from storage.learning.model_files import model_digest
from storage.learning.models import Model, RegistryError
from storage.learning.reasons import EndReason
from storage.learning.serving_model import find_moved, is_unusable
from storage.maintenance.data_folder import is_bot_running

HELP = "manage models: list, register, export, deploy, roll back"
ENVIRONMENT = "bot"
ANSWER_TIMEOUT_S = 600.0
"""A running bot serves a model before it makes it champion; a large model takes minutes to load."""
COLOURS = {"champion": "green", "canary": "cyan", "rejected": "yellow", "retired": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND")
    kinds.add_parser("list", help="list all models (the default)")
    add = kinds.add_parser("add", help="register a base model: an InternVL2 checkpoint")
    add.add_argument("directory", type=Path, metavar="DIR", help="directory of the checkpoint")
    add.add_argument("--name", help="name in the registry (default: the name of the directory)")
    add.add_argument(
        "--base",
        type=Path,
        metavar="DIR",
        help="model that it was trained from: copy code and tokenizer that its directory lacks (XTuner's conversion)",
    )
    add.add_argument("--yes", action="store_true", help="trust the code in the checkpoint without asking")
    export = kinds.add_parser("export", help="write a model as a directory to take away, with a model card")
    export.add_argument("model", metavar="NAME", help="number or name of the model")
    export.add_argument("directory", type=Path, metavar="DIR", help="directory to create")
    template = kinds.add_parser("chat-template", help="print a model's chat template for LMDeploy's --chat-template")
    template.add_argument("directory", type=Path, metavar="DIR", help="directory of the model that LMDeploy serves")
    promote = kinds.add_parser("promote", help="deploy a model")
    promote.add_argument("model", metavar="MODEL", help="number or name of the model")
    kinds.add_parser("rollback", help="deploy the previous champion again")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Return 0 on success. Raises RegistryError if the registry refuses."""
    return asyncio.run(KINDS[arguments.kind or "list"](arguments, settings))


async def show(arguments: argparse.Namespace, settings: Settings) -> int:
    from rich.console import Console

    async with Database.connect(settings.storage) as database:
        previous = await promotion.get_previous_champion(database)
        Console().print(registry_table(await models.all_models(database), previous))
    return 0


def registry_table(registry: list[Model], previous: Model | None) -> Any:
    """A table with a row for each model, or a note that there are none. `previous` is the rollback's target."""
    from rich.table import Table
    from rich.text import Text

    if not registry:
        return "There are no models yet; `jokebot models add DIR` registers one."
    table = Table(box=None, header_style="bold")
    for title in ("model", "name", "status", "since", "from", "dataset", "why"):
        table.add_column(title, overflow="fold")
    for model in registry:
        status = (
            model.status
            + (", next to go back to" if previous and model.id == previous.id else "")
            + (", files removed" if model.removed_at else "")
        )
        table.add_row(
            str(model.id),
            literal(model.name),
            Text(status, style=COLOURS.get(model.status, "")),
            format_time(model.created_at),
            "" if model.start_id is None else str(model.start_id),
            (model.dataset or "")[:12],
            literal(model.reason.split(". ")[0]),
        )
    return table


async def add(arguments: argparse.Namespace, settings: Settings) -> int:
    """Check a checkpoint, ask about its code, hash it and register it. Return 1 if the code is not trusted."""
    if arguments.base:
        await asyncio.to_thread(complete_from, arguments.directory, arguments.base)
    checkpoint = await asyncio.to_thread(check_checkpoint, arguments.directory, for_training=True)
    directory, name = checkpoint.directory, arguments.name or model_name(arguments.directory)
    code = json.dumps(await asyncio.to_thread(code_digests, directory))
    content = await asyncio.to_thread(fingerprint_content, directory)
    async with Database.connect(settings.storage) as database:
        if moved := find_moved(await models.all_models(database), content, arguments.name):
            await models.record_found(database, replace(moved, directory=str(directory)))
            print(f"Model {moved.id} ({moved.name}) was at {moved.directory}; it is registered at {directory} now.")
            return 0
    if not arguments.yes and not await asyncio.to_thread(confirm_code, directory, json.loads(code)):
        return 1
    digest = await asyncio.to_thread(model_digest, directory)
    async with Database.connect(settings.storage) as database:
        model = await models.register_base(database, name, str(directory), digest, code, checkpoint.template, content)
        if model.is_base and is_unusable(model, directory):
            await models.record_found(
                database, replace(model, directory=str(directory), template=checkpoint.template, content=content)
            )
            await models.record_code_consent(database, model.id, code, digest, anew=True)
        elif model.is_base and model.directory == str(directory) and model.code != code:
            await models.record_code_consent(database, model.id, code, digest, anew=True)
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


def complete_from(directory: Path, base: Path) -> None:
    """Copy what a directory lacks from its base, and print it. Raises CheckpointError."""
    directory = locate_checkpoint(directory)
    if written := complete(directory, base):
        print(f"Copied to {directory} from its base: {', '.join(written)}.")


def confirm_code(directory: Path, code: dict[str, str]) -> bool:
    """Ask whether to trust the checkpoint's code, which each process that loads the model executes.

    Raises JokebotError if stdin is no terminal.
    """
    if not sys.stdin.isatty():
        raise JokebotError("There is no terminal to ask about the model's code. `--yes` agrees to it.")
    print(f"Loading {directory} runs the code in it, with all rights of this program:")
    print("\n".join(f"  {name}  {sha256[:16]}" for name, sha256 in code.items()) or "  (none)")
    return input("Do you trust it? [y/N] ").strip().lower() in ("y", "yes")


async def export(arguments: argparse.Namespace, settings: Settings) -> int:
    async with Database.connect(settings.storage) as database:
        model = await models.get_model(database, arguments.model)
        base = await models.get_model(database, model.base_id) if model.base_id else model
    rows = count_rows(settings.storage.datasets / model.dataset) if model.dataset else {}
    done = await asyncio.to_thread(export_model, model, arguments.directory, ExportFacts(base.name, rows))
    print(
        f"Model {model.id} ({model.name}) is in {done.directory}: {done.weight_bytes / 1e9:.2f} GB of weights, {CARD}."
    )
    return 0


async def print_template(arguments: argparse.Namespace, settings: Settings) -> int:
    checkpoint = await asyncio.to_thread(check_checkpoint, arguments.directory)
    print(json.dumps(lmdeploy_template(checkpoint.directory), ensure_ascii=False, indent=2))
    return 0


async def promote(arguments: argparse.Namespace, settings: Settings) -> int:
    async with Database.connect(settings.storage) as database:
        model = await models.get_model(database, arguments.model)
        if is_bot_running(settings.storage.directory):
            return await request_from_bot(database, "promote", model.id)
        await promotion.promote(database, model.id, "admin", reason=EndReason("An admin put it into service.", "admin"))
        print(f"Model {model.id} ({model.name}) is in service; the bot serves it when it starts.")
    return 0


async def rollback(arguments: argparse.Namespace, settings: Settings) -> int:
    async with Database.connect(settings.storage) as database:
        if is_bot_running(settings.storage.directory):
            return await request_from_bot(database, "rollback")
        change = await promotion.rollback(database, reason="An admin went back.")
        print(f"Model {change.model_id} is in service again; the bot serves it when it starts.")
    return 0


async def request_from_bot(database: Database, kind: str, model_id: int | None = None) -> int:
    """Send the request to the running bot and print its answer. Return 1 if it refuses."""
    request = await control_requests.wait_for_answer(
        database, await control_requests.add_request(database, kind, model_id), wait_s=ANSWER_TIMEOUT_S
    )
    print(request.answer)
    return 0 if request.done else 1


KINDS = {
    "list": show,
    "add": add,
    "export": export,
    "chat-template": print_template,
    "promote": promote,
    "rollback": rollback,
}
