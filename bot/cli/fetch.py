"""`jokebot fetch`: download a model or the Oogiri data from a public hub, verify it, and register the model."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli import models as models_command
from bot.engine.lmdeploy.cache_size import USABLE_SHARE, working_gb
from configs.errors import JokebotError
from configs.gpu import card_gb, card_name
from configs.memory import free_memory
from configs.model_code import code_digests
from configs.settings import Settings
from storage.database import Database
from storage.learning.models import Model, all_models
from trainer.hub.catalog import LANGUAGES, CatalogEntry, FetchError, find_entry

if TYPE_CHECKING:
    from trainer.hub.fetcher import Fetcher
    from trainer.hub.listing import FileHub, RepositoryListing

HELP = "download a model or the Oogiri data from Hugging Face, a mirror or ModelScope"
ENVIRONMENT = "train"
DOWNLOADS = "downloads"
HUB_DEFAULTS = {
    # Plain HTTPS works through proxies and mirrors and resumes at any byte; hf_xet's own protocol does not.
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_ETAG_TIMEOUT": "30",
    "HF_HUB_DOWNLOAD_TIMEOUT": "30",
}
"""Variables of huggingface_hub, unless the user has set them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        metavar="NAME",
        help="InternVL2-2B, InternVL2-8B, InternVL2.5-2B, InternVL2.5-8B, OWNER/NAME for a model made from one of "
        "these, or oogiri for the data of CLoT-Oogiri-GO",
    )
    parser.add_argument(
        "--from",
        dest="source",
        default="hf",
        metavar="SOURCE",
        help="hf (default; the variable HF_ENDPOINT names a mirror), modelscope, or the address of a mirror of "
        "Hugging Face",
    )
    parser.add_argument(
        "--revision", metavar="R", help="commit, branch or tag (default: that of the first fetch, else the newest)"
    )
    parser.add_argument("--language", choices=LANGUAGES, default="cn", help="language of the Oogiri data")
    parser.add_argument(
        "--to", type=Path, metavar="DIR", help="directory to create (default: downloads/NAME in the data folder)"
    )
    parser.add_argument("--yes", action="store_true", help="fetch, and trust the model's code, without asking")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Return 0 when all is there and registered, 1 if the user declines. Raises FetchError, CheckpointError."""
    entry = find_entry(arguments.name, arguments.language)
    target = (arguments.to or settings.storage.directory / DOWNLOADS / entry.name).expanduser().absolute()
    for name, value in HUB_DEFAULTS.items():
        os.environ.setdefault(name, value)
    if target.exists():
        verify_known(entry, target, arguments.revision)
    elif not fetch(entry, target, arguments, settings):
        print("Nothing was fetched.")
        return 1
    if entry.kind == "dataset":
        print(
            f"Next: jokebot import-oogiri {target / arguments.language}.jsonl {target / 'images'} "
            f"--language {arguments.language}"
        )
        return 0
    return asyncio.run(register(target, arguments, settings))


def fetch(entry: CatalogEntry, target: Path, arguments: argparse.Namespace, settings: Settings) -> bool:
    """Describe the download, ask, and fetch. False if the user declines. Raises FetchError."""
    from trainer.hub.fetcher import Fetcher

    fetcher = Fetcher(open_hub(arguments.source), entry, target)
    listing = fetcher.list_files(arguments.revision)
    print("\n".join(describe(entry, fetcher, listing, settings)), flush=True)
    fetcher.check_disk(listing)
    if not arguments.yes and not confirm("Fetch it?"):
        return False
    try:
        fetcher.run(listing)
    except KeyboardInterrupt:
        print("\nStopped. The same command continues.", file=sys.stderr)
        raise
    print(f"{len(listing.files)} files are in {target}, verified.")
    return True


def open_hub(source: str) -> "FileHub":
    """The hub that `--from` names. Raises FetchError."""
    from trainer.hub.huggingface import HuggingFaceHub
    from trainer.hub.modelscope import ModelScopeHub

    if source == "modelscope":
        return ModelScopeHub()
    if source == "hf":
        return HuggingFaceHub()
    if not source.startswith(("https://", "http://")):
        raise FetchError(
            f"--from is {source!r}: it can be `hf`, `modelscope`, or an address that begins with https://."
        )
    return HuggingFaceHub(source)


def verify_known(entry: CatalogEntry, target: Path, revision: str | None) -> None:
    """Compare a fetched directory with its record. Raises FetchError if it differs, or is none of this download."""
    from trainer.hub.record import damaged_files, read_record

    record = read_record(target)
    if record is None or record.repository != entry.repository:
        held = f"holds {record.repository}" if record else "was not fetched by this command"
        raise FetchError(f"{target} is there already and {held}. Name another directory with --to.")
    if revision and not record.revision.startswith(revision):
        raise FetchError(f"{target} holds revision {record.revision}. Name another directory for {revision} with --to.")
    try:
        damaged = damaged_files(target, record)
    except OSError as error:
        raise FetchError(f"{target} can't be read: {error.strerror}.") from error
    if damaged:
        raise FetchError(
            f"{len(damaged)} of {len(record.files)} files in {target} are missing or changed since they were fetched "
            f"({', '.join(damaged[:3])}). Move the directory away, and fetch again."
        )
    print(f"{target} is there already; its {len(record.files)} files are as they were fetched ({record.fetched_at}).")


def describe(entry: CatalogEntry, fetcher: "Fetcher", listing: "RepositoryListing", settings: Settings) -> list[str]:
    """What the admin decides on: size, source, licence, disk, and whether this host can serve the model."""
    from trainer.hub.fetcher import free_bytes, stored_bytes

    lines = [
        f"{entry.name}: {len(listing.files)} files, {gigabytes(listing.size)}, to {fetcher.target}",
        f"  source   {listing.page}, revision {listing.revision}",
        f"  licence  {f'{listing.licence}. ' if listing.licence else ''}{entry.licence}",
        f"  disk     {gigabytes(fetcher.missing_bytes(listing))} needed, {gigabytes(free_bytes(fetcher.target))} free",
    ]
    if there := stored_bytes(fetcher.part):
        lines.append(f"  there    {gigabytes(there)} of an unfinished download, which is continued")
    if listing.left_out:
        size = sum(file.size for file in listing.left_out)
        lines.append(f"  not taken  {len(listing.left_out)} other files of the repository, {gigabytes(size)}")
    if entry.kind == "model":
        weights = sum(file.size for file in listing.files if file.name.endswith(".safetensors"))
        lines.append(f"  host     {host_line(weights / 1e9, settings)}")
    return lines


def host_line(weights_gb: float, settings: Settings) -> str:
    """Whether this host can serve a model: by the same estimate as the servers' cache (docs/deploy/gpu.md)."""
    card = card_gb()
    if not card:
        free = free_memory()
        memory = f"{free / 1e9:.1f} GB are free" if free is not None else "the free memory is unknown"
        return (
            f"no NVIDIA GPU. The CPU engine needs about {weights_gb + 0.5:.1f} GB of memory ({memory}), and half a "
            "minute or more for a joke of a 2B model on two cores"
        )
    needed = weights_gb + working_gb(settings)
    fitting = int(USABLE_SHARE * card / needed) if needed else 0
    wanted = settings.server_count + settings.servers.allow_extra_server
    about = f"{card_name()}, {card:.0f} GB: a server takes {needed:.1f} GB and its cache of photos"
    if not fitting:
        return f"{about}, so the model does NOT fit"
    if fitting < wanted:
        return f"{about}; {fitting} can fit, and the settings ask for {wanted} (see docs/deploy/8gb.md)"
    return f"{about}; {wanted} fit, as the settings ask for"


async def register(target: Path, arguments: argparse.Namespace, settings: Settings) -> int:
    """Check and register the model as `jokebot models add` does. Return 1 if its code is not trusted."""
    if known := await registered_as(target, settings):
        print(f"Model {known.id} ({known.name}) is registered.")
        return 0
    request = argparse.Namespace(directory=target, name=None, base=None, yes=arguments.yes)
    try:
        code = await models_command.add(request, settings)
    except JokebotError:
        print(f"The files are in {target}; `jokebot models add {target}` registers them.", file=sys.stderr)
        raise
    if code:
        print(f"Not registered. The files are in {target}; `jokebot models add {target}` asks again.")
    return code


async def registered_as(target: Path, settings: Settings) -> Model | None:
    """The model that is registered with this directory and the code in it."""
    code = json.dumps(await asyncio.to_thread(code_digests, target))
    async with Database.connect(settings.storage) as database:
        known = await all_models(database)
    return next((model for model in known if (model.directory, model.code) == (str(target), code)), None)


def confirm(question: str) -> bool:
    """Ask on the terminal. Raises FetchError if there is none."""
    if not sys.stdin.isatty():
        raise FetchError("There is no terminal to ask. `--yes` agrees to the download and to the model's code.")
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def gigabytes(size: float) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 10_000_000 else f"{size / 1e6:.2f} MB"
