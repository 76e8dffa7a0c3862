"""The picture pack: every drawing of every subject that the demo model learns from, in one zip file.

Made once from ordinary packages (npm's Iconify sets, Debian's openclipart-png) and kept outside Git; the licences are in
`configs/demo-model/NOTICE`. One set, HELD_OUT, is in the pack for measuring only: no build trains on it.
"""
import io
import json
import shutil
import subprocess
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from configs.errors import JokebotError
from trainer.demo_model.subjects import Subject, load_subjects

SIZE = 144
"""Longer side of a drawing in the pack, pixels."""
SETS = {"noto": "1.2.9", "noto-v1": "1.2.5", "twemoji": "1.2.5", "fluent-emoji": "1.2.7", "fluent-emoji-flat": "1.2.6",
        "fxemoji": "1.2.2", "streamline-emojis": "1.2.4", "emojione": "1.2.3"}
"""Iconify's packages (@iconify-json/NAME) and their versions."""
HELD_OUT = "emojione"
RENDERER = "sharp@0.34.5"
CLIPART = "openclipart"
CLIPART_FILE = Path(__file__).parents[2] / "configs" / "demo-model" / "clipart.txt"
LIMIT = 20 * 2**20
"""Bytes a pack may have: it travels to a lent machine."""


@dataclass(frozen=True)
class Drawing:
    """One picture of one subject, RGBA, transparent around it."""

    subject: int
    set: str
    picture: Image.Image


def make_pack(path: Path, work: Path) -> int:
    """Fetch the packages into `work`, draw every subject, write the pack to `path`. Returns the number of drawings.

    Needs npm and node; the clip art needs apt-get and dpkg and is left out, with a word, where there are none.
    Raises JokebotError where a tool is missing or fails, and for a pack that is too large.
    """
    work.mkdir(parents=True, exist_ok=True)
    subjects = load_subjects()
    drawings = [*draw_emoji(work.absolute(), subjects), *find_clipart(work.absolute(), subjects)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as pack:
        index = []
        for number, (subject, name, source) in enumerate(drawings):
            pack.writestr(f"{number:05d}.webp", shrink(source))
            index.append([subjects[subject].en, name])
        pack.writestr("index.json", json.dumps(index))
    if path.stat().st_size > LIMIT:
        raise JokebotError(f"{path} has {path.stat().st_size / 2**20:.1f} MiB, more than {LIMIT >> 20}: lower SIZE in pack.py.")
    return len(drawings)


def load_pack(path: Path) -> list[Drawing]:
    """All drawings. Raises JokebotError where there is no pack, or one that was made for other subjects."""
    numbers = {subject.en: number for number, subject in enumerate(load_subjects())}
    try:
        with zipfile.ZipFile(path) as pack:
            index = json.loads(pack.read("index.json"))
            return [Drawing(numbers[name], from_set, Image.open(io.BytesIO(pack.read(f"{number:05d}.webp"))).convert("RGBA"))
                    for number, (name, from_set) in enumerate(index)]
    except FileNotFoundError as error:
        raise JokebotError(f"There is no picture pack at {path}. Make it with `jokebot demo-model pack`.") from error
    except (KeyError, zipfile.BadZipFile) as error:
        raise JokebotError(f"{path} was made for other subjects or is broken. Make it again with `jokebot demo-model pack`.") from error


def shrink(source: Path) -> bytes:
    """The drawing cropped to what is visible, at most SIZE pixels on its longer side, as WebP."""
    with Image.open(source) as opened:
        picture = opened.convert("RGBA")
    picture = picture.crop(picture.getchannel("A").point(lambda alpha: 255 if alpha > 8 else 0).getbbox())
    picture.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
    packed = io.BytesIO()
    picture.save(packed, "WEBP", quality=80, method=1)
    return packed.getvalue()


def draw_emoji(work: Path, subjects: tuple[Subject, ...]) -> Iterator[tuple[int, str, Path]]:
    run([tool("npm"), "install", "--prefix", str(work), "--no-audit", "--no-fund", "--no-save", RENDERER,
         *(f"@iconify-json/{name}@{version}" for name, version in SETS.items())])
    names = json.loads((work / "node_modules/@iconify-json/noto/chars.json").read_text(encoding="utf-8"))
    jobs, wanted = [], []
    for name in SETS:
        (work / "png" / name).mkdir(parents=True, exist_ok=True)
        for number, subject in enumerate(subjects):
            for code in subject.emoji:
                file = work / "png" / name / f"{code}.png"
                file.unlink(missing_ok=True)
                jobs.append([f"@iconify-json/{name}", icon_names(code, names, subject), str(file)])
                wanted.append((number, name, file))
    (work / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    run([tool("node"), str(Path(__file__).with_name("render.mjs")), str(work / "jobs.json"), str(2 * SIZE)])
    yield from (each for each in wanted if each[2].is_file())


def icon_names(code: str, names: dict[str, str], subject: Subject) -> list[str]:
    """Names that the sets may use: the CLDR one, the Unicode one, both without hyphens (fxemoji), and the subject's."""
    found = [names.get(code) or names.get(f"{code}-fe0f", ""), unicodedata.name(chr(int(code, 16))).lower().replace(" ", "-")]
    found = [name for name in found if name]
    return [*found, *(name.replace("-", "") for name in found), subject.en.replace(" ", "-")]


def find_clipart(work: Path, subjects: tuple[Subject, ...]) -> Iterator[tuple[int, str, Path]]:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        print("No clip art: openclipart-png comes from Debian's packages, and apt-get is not here.")
        return
    root = work / "clipart"
    if not root.is_dir():
        run(["apt-get", "download", "-qq", "openclipart-png"], work)
        run(["dpkg", "-x", str(next(work.glob("openclipart-png*.deb"))), str(root)])
    numbers = {subject.en: number for number, subject in enumerate(subjects)}
    for line in CLIPART_FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            file, name = line.split(" ", 1)
            yield numbers[name], CLIPART, root / "usr/share/openclipart/png" / file


def tool(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise JokebotError(f"The picture pack needs {name}, which is not installed here.")
    return found


def run(command: list[str], folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise JokebotError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-500:]}")
