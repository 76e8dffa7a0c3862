"""The pictures that the demo's page offers: the list in configs/demo-model/samples.toml."""

import csv
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from configs.errors import JokebotError
from configs.settings import ROOT, Settings
from storage.media.picture_pack import TABLE

SAMPLES_FILE = ROOT / "configs" / "demo-model" / "samples.toml"


@dataclass(frozen=True)
class SamplePicture:
    """A picture's file, what it shows by the code of a language, its licence and whom to credit."""

    path: Path
    names: dict[str, str]
    licence: str
    credit: str

    @property
    def subject(self) -> str:
        """What it shows, in English."""
        return self.names["en"]


def photo_folder(settings: Settings) -> Path:
    """The folder of scikit-image's photos in the train environment. Raises JokebotError if there is none."""
    folders = sorted(
        (settings.environments.train_python.parent.parent / "lib").glob("python*/site-packages/skimage/data")
    )
    if not folders:
        raise JokebotError("scikit-image's photos are missing; run `make env-train`.")
    return folders[0]


def list_samples(photos: Path) -> list[SamplePicture]:
    """The pictures in the order of the page; `photos` is the folder of scikit-image's photos."""
    folders = {"samples": SAMPLES_FILE.with_name("samples"), "scikit-image": photos}
    return [
        SamplePicture(
            folders[entry["from"]] / entry["file"],
            dict(zip(("en", "zh"), entry["subject"], strict=True)),
            entry["licence"],
            entry["credit"],
        )
        for entry in tomllib.loads(SAMPLES_FILE.read_text(encoding="utf-8"))["picture"]
    ]


def link_samples(settings: Settings, data: Path) -> Path:
    """A folder of links to the pictures, each with its number and its English name."""
    folder = data / "samples"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, sample in enumerate(list_samples(photo_folder(settings)), 1):
        (folder / f"{number:02} {sample.subject}{sample.path.suffix}").symlink_to(sample.path)
    return folder


def write_pack(settings: Settings, data: Path) -> Path:
    """A pack of copies of the pictures with their licences, for the rounds of Oogiri that the bot begins itself."""
    folder = data / "pack"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file", "title", "author", "licence"))
        for sample in list_samples(photo_folder(settings)):
            shutil.copyfile(sample.path, folder / sample.path.name)
            table.writerow((sample.path.name, sample.subject.capitalize(), sample.credit, sample.licence))
    return folder
