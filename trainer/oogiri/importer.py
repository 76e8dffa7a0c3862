"""Imports rows of CLoT-Oogiri-GO as a cold-start dataset in XTuner's form."""

import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.prompts import disarm, load_prompts
from configs.settings import LimitSettings, SelectionSettings
from storage.database import Database
from storage.learning import dataset_files, datasets, splits
from storage.learning.dataset_files import UNFINISHED, Row, dataset_errors, digest
from storage.media.perceptual_hash import hamming
from storage.media.photos import CheckedPhoto, PhotoError, check_photo
from trainer.dataset.manifest import Entry, build_contents, sorted_counts
from trainer.dataset.rows import RowError, make_row, picture_name
from trainer.dataset.token_budget import TokenBudget
from trainer.oogiri.files import RowsFile, find_pictures, find_rows, open_pictures
from trainer.oogiri.image_store import ImageStore
from trainer.oogiri.parser import OogiriError, OogiriRow, UnusableRow, read_rows
from trainer.oogiri.text_filters import TextFilter, is_in_language
from trainer.selection.holdout_split import first_side

LANGUAGES = {"cn": "zh", "en": "en", "jp": "ja"}
"""Language codes of the data, and of prompts.toml."""
JAPANESE, JAPANESE_CAPTION = "この写真で一言ボケてください", "\n写真についている言葉：「{caption}」"
"""Oogiri's own prompt, used because prompts.toml has no Japanese."""


@dataclass(frozen=True)
class OogiriImport:
    """An import of at most `limit` rows with at least `min_stars` likes.

    `file` is a file of rows, or a folder or zip with one; `images` is the folder or zip of the pictures, by default
    what stands beside the rows. Pictures like the photos `hold_out` are not trained on.
    """

    file: Path
    images: Path | None = None
    language: str = "cn"
    min_stars: int = 0
    limit: int = 2000
    hold_out: tuple[Path, ...] = ()


@dataclass(frozen=True)
class ImportResult:
    """The finished dataset, and the number of excluded rows by reason."""

    directory: Path
    manifest: dict[str, Any]
    dropped: dict[str, int]


class Importer:
    """Makes a dataset; `folder` is the folder of all datasets."""

    def __init__(
        self, database: Database, folder: Path, selection: SelectionSettings, limits: LimitSettings, budget: TokenBudget
    ) -> None:
        self.database, self.folder, self.selection, self.limits, self.budget = (
            database,
            folder,
            selection,
            limits,
            budget,
        )

    async def run(self, request: OogiriImport) -> ImportResult:
        """Import a file. Raises OogiriError, with nothing written, if the files or all rows can't be used."""
        prompt_for(request.language)
        rows = find_rows(request.file, request.language)
        source = open_pictures(find_pictures(rows, request.images), self.limits.photo_bytes)
        placed = await splits.all_placed_photos(self.database)
        held_out = placed[placed[:, 3] == splits.SIDES.index("holdout"), 1].tolist()
        held_out += [self._hash_of(photo) for photo in request.hold_out]
        async with dataset_files.lock(self.folder):
            dataset_files.remove_unfinished(self.folder)
            with (
                dataset_errors("The pictures can't be prepared"),
                tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=self.folder) as spool,
            ):
                pictures = ImageStore(
                    source,
                    Path(spool),
                    near_bits=self.selection.near_duplicate_bits,
                    max_bytes=self.limits.photo_bytes,
                    max_pixels=self.limits.photo_pixels,
                )
                return await self._write(request, rows, pictures, held_out)

    def _hash_of(self, photo: Path) -> int:
        """The perceptual hash of a photo that is held out. Raises OogiriError."""
        try:
            return check_photo(
                photo.read_bytes(), max_bytes=self.limits.photo_bytes, max_pixels=self.limits.photo_pixels
            ).phash
        except (PhotoError, OSError) as error:
            raise OogiriError(f"{photo}, which is to be held out, can't be used: {error}") from error

    async def _write(
        self, request: OogiriImport, rows: RowsFile, pictures: ImageStore, held_out: list[int]
    ) -> ImportResult:
        dropped: Counter[str] = Counter()
        parts: dict[str, list[tuple[Row, Entry]]] = {"train": [], "holdout": []}
        files: dict[str, Path] = {}
        for source, photo, row in self._usable(request, rows, pictures, dropped):
            near = any(hamming(photo.phash, phash) <= self.selection.near_duplicate_bits for phash in held_out)
            part = "holdout" if near else first_side(photo.sha256, self.selection.holdout_share)
            parts[part].append((row, manifest_entry(row, part, source, photo)))
            files[row["image"]] = pictures.file(photo.sha256)
        counts = sorted_counts(dropped)
        if not parts["train"]:
            reasons = "; ".join(f"{count}: {reason}" for reason, count in counts.items())
            raise OogiriError(f"No row can be imported: {reasons or f'{request.file} is empty'}.")
        contents = build_contents(
            "oogiri",
            parts["train"],
            parts["holdout"],
            origins={"oogiri": len(parts["train"])},
            selection={
                "file": rows.name,
                "language": request.language,
                "min_stars": request.min_stars,
                "limit": request.limit,
                "jokes_per_photo": self.selection.max_jokes_per_photo,
                **({"hold_out": len(request.hold_out)} if request.hold_out else {}),
            },
            counted_with=str(self.budget.directory or ""),
            not_written=counts,
            created_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )
        prepared = dataset_files.prepare_dataset(self.folder, contents, files)
        try:
            await datasets.register_dataset(self.database, prepared.name, "oogiri", [])
            return ImportResult(prepared.publish(), {"name": prepared.name, **contents.manifest}, counts)
        except BaseException:
            prepared.discard()
            raise

    def _usable(
        self, request: OogiriImport, rows: RowsFile, pictures: ImageStore, dropped: Counter[str]
    ) -> Iterator[tuple[OogiriRow, CheckedPhoto, Row]]:
        """Usable rows, the best of each picture first, up to the limit; other rows are counted in `dropped`."""
        texts, per_photo, taken = TextFilter(), Counter[str](), 0
        for source in best_first(acceptable_rows(request, rows, dropped)):
            if taken >= request.limit:
                dropped["the limit was reached"] += 1
                continue
            try:
                photo = pictures.get(source.image)
                if per_photo[photo.sha256] >= self.selection.max_jokes_per_photo:
                    raise UnusableRow("its picture has enough jokes")
                row = self._row(source, photo, request.language)
                if reason := texts.add(source.text):
                    raise UnusableRow(reason)
            except (UnusableRow, RowError) as error:
                dropped[str(error)] += 1
                continue
            per_photo[photo.sha256] += 1
            taken += 1
            yield source, photo, row

    def _row(self, source: OogiriRow, photo: CheckedPhoto, language: str) -> Row:
        prompt = source.prompt or prompt_for(language, source.question)
        row_id = f"oogiri-{digest([photo.sha256, prompt, source.text])[:16]}"
        return make_row(
            row_id, picture_name(photo.sha256), (photo.width, photo.height), prompt, source.text, self.budget
        )


def acceptable_rows(request: OogiriImport, rows: RowsFile, dropped: Counter[str]) -> Iterator[OogiriRow]:
    """Rows with a valid form, the right language, and enough likes; others are counted in `dropped`."""
    for row in read_rows(rows.path, rows.read()):
        if isinstance(row, str):
            dropped[row] += 1
        elif not is_in_language(row.text, request.language):
            dropped["its text is in another language"] += 1
        elif request.min_stars and row.stars is None:
            dropped["its likes are unknown"] += 1
        elif (row.stars or 0) < request.min_stars:
            dropped[f"it has fewer than {request.min_stars} likes"] += 1
        else:
            yield row


def manifest_entry(row: Row, part: str, source: OogiriRow, photo: CheckedPhoto) -> Entry:
    """The manifest's entry for an imported row."""
    return {
        "id": row["id"],
        "part": part,
        "origin": "oogiri",
        "digest": digest(row),
        "line": source.line,
        "picture": source.image,
        "stars": source.stars,
        "phash": photo.phash,
    }


def prompt_for(language: str, question: str | None = None) -> str:
    """The prompt of a row, with the text of its picture quoted as data. Raises PromptError."""
    prompts = load_prompts()
    if language == "jp" and LANGUAGES[language] not in prompts.languages:
        return JAPANESE + (JAPANESE_CAPTION.format(caption=disarm(question)) if question else "")
    return prompts.ask(LANGUAGES[language], caption=question)


def best_first(rows: Iterable[OogiriRow]) -> list[OogiriRow]:
    """Every picture's most liked joke first, then every second: likes depend more on the picture than on the joke."""
    by_picture: dict[str, list[OogiriRow]] = defaultdict(list)
    for row in rows:
        by_picture[row.image].append(row)
    ranked = [
        (rank, row)
        for jokes in by_picture.values()
        for rank, row in enumerate(sorted(jokes, key=lambda row: -(row.stars or 0)))
    ]
    return [row for _, row in sorted(ranked, key=lambda item: (item[0], -(item[1].stars or 0), item[1].line))]
