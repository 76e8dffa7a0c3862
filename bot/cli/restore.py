"""`jokebot restore`: restore a backup."""

import argparse
from pathlib import Path

from configs.settings import Settings

HELP = "restore a backup; the present data is kept beside it"
ENVIRONMENT = "bot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "backup", type=Path, nargs="?", metavar="BACKUP_DIR", help="backup to restore (default: the newest)"
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Verify the backup and put it in place. Raises BackupError, DatabaseError, and FolderInUse while the bot runs."""
    from storage.maintenance.backup import list_backups
    from storage.maintenance.data_folder import data_folder_lock
    from storage.maintenance.restore import newest_backup, restore

    directory = (
        arguments.backup or newest_backup(settings.backup_folder, list_backups(settings.backup_folder)).directory
    )
    with data_folder_lock(settings.storage.directory):
        backup, replaced, repair = restore(directory, settings.storage)
    print(
        f"{settings.storage.directory} is as it was in {directory}: {backup.photos} photos, {backup.ratings} ratings. "
        f"What was there before is in {replaced}; delete it once all is well."
    )
    for model in repair.gone:
        print(
            f"Model {model.id} ({model.name}) can't serve any more: its files were not in the backup (see the "
            "setting backup.models)."
        )
    if repair.serving:
        print(f"Model {repair.serving.id} ({repair.serving.name}) is in service instead.")
    return 0
