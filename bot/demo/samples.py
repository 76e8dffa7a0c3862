"""The pictures that the demo's page offers: the list in configs/demo-model/samples.toml."""

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from configs.errors import JokebotError
from configs.settings import ROOT, Settings

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
