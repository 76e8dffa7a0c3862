"""`jokebot backup`: back up the data, or list the backups."""

import argparse
import time
from pathlib import Path

from configs.settings import Settings

HELP = "back up the database, the photos, the datasets and the models in service; the bot may run meanwhile"
ENVIRONMENT = "bot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the backups (default: the setting backup.directory)"
    )
    parser.add_argument("--list", action="store_true", help="list the backups instead")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make a backup, or list them. Raises BackupError, DatabaseError."""
    from storage.maintenance.backup import back_up, list_backups

    folder = arguments.out or settings.backup_folder
    if arguments.list:
        for backup in list_backups(folder):
            created = time.strftime("%Y-%m-%d %H:%M", time.localtime(backup.created_at))
            print(f"{backup.directory}  {created}  {backup.photos} photos, {backup.ratings} ratings")
        return 0
    backup = back_up(settings.storage, folder, keep=settings.backup.keep, models=settings.backup.models)
    missing = f"; {backup.missing} photos have no file any more" if backup.missing else ""
    print(f"{backup.directory}: {backup.photos} photos, {backup.ratings} ratings, {backup.models} models{missing}.")
    return 0
