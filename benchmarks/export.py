# environment: train
"""`jokebot export` on a large database: 1,000,000 ratings by 5,000 users on 200,000 jokes about 100,000 photos.

The photos are 1280×960 JPEGs of about 208 KB with distinct hashes (by a comment), 5 % of them near-duplicates. Only the
photos that the export decodes are written to disk; the export's own selection finds them first, and the split that it
stores is deleted again. Then the command runs as a child process, from the split of all photos to the finished dataset.
The last output line is one JSON object:

    seconds   wall time of the command
    rss_mb    peak resident memory, summed over its processes
    rows      training rows; `holdout_rows`: held-out rows
"""

import argparse
import asyncio
import hashlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from configs.prompts import load_prompts
from configs.settings import SelectionSettings
from storage.database import Database
from storage.learning import rating_arrays
from storage.media.photos import photo_file
from trainer.dataset.holdout import select_holdout
from trainer.demo_model.architectures import SHAPES
from trainer.demo_model.random_weights import write_random
from trainer.selection.composition import select_jokes
from trainer.selection.holdout_split import update_split
from trainer.selection.scoring import score_jokes

ROOT = Path(__file__).resolve().parent.parent
USERS, JOKES_PER_PHOTO, BASES, NEAR_SHARE = 5000, 2, 16, 0.05
SAMPLE_S = 0.02
END = b"\xff\xd9"


@dataclass(frozen=True)
class Pictures:
    """Base JPEGs without end marker; a photo is a base, a comment with its number, and the end marker."""

    bases: list[bytes]

    @classmethod
    def make(cls, random: np.random.Generator) -> "Pictures":
        return cls([_jpeg(random).removesuffix(END) for _ in range(BASES)])

    def tail(self, number: int) -> bytes:
        comment = f"photo {number}".encode()
        return b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + END

    def data(self, number: int) -> bytes:
        return self.bases[number % BASES] + self.tail(number)

    def digests(self, photos: int) -> list[str]:
        base_states = [hashlib.sha256(base) for base in self.bases]
        digests = []
        for number in range(photos):
            state = base_states[number % BASES].copy()
            state.update(self.tail(number))
            digests.append(state.hexdigest())
        return digests


def _jpeg(random: np.random.Generator) -> bytes:
    coarse = Image.fromarray(random.integers(0, 256, (48, 64, 3), dtype=np.uint8)).resize(
        (1280, 960), Image.Resampling.BICUBIC
    )
    grain = random.normal(0, 5.5, (960, 1280, 1))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


async def fill(root: Path, pictures: Pictures, ratings: int, photos: int, random: np.random.Generator) -> int:
    """Write the database; returns a picture's size in bytes."""
    await (await Database.open(root / "jokebot.sqlite3")).close()
    jokes, prompt, now = photos * JOKES_PER_PHOTO, load_prompts().ask("en", "pun"), time.time()
    size = len(pictures.data(0))
    with sqlite3.connect(root / "jokebot.sqlite3") as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("INSERT INTO models (id, name, status, created_at) VALUES (1, 'base', 'champion', 0)")
        connection.executemany(
            "INSERT INTO photos VALUES (?, ?, ?, 1280, 960, ?, 'image/jpeg', ?)",
            (
                (number + 1, sha256, phash, size, now)
                for number, (sha256, phash) in enumerate(
                    zip(pictures.digests(photos), hashes(photos, random), strict=True)
                )
            ),
        )
        connection.executemany(
            "INSERT INTO photo_senders VALUES (?, ?, 0)", ((number + 1, number % USERS) for number in range(photos))
        )
        connection.executemany(
            "INSERT INTO jokes (id, photo_id, model_id, person_id, language, style, prompt, text, temperature, top_p, "
            "max_tokens, latency_s, created_at) VALUES (?, ?, 1, ?, 'en', 'pun', ?, ?, 0.8, 0.9, 99, 1, ?)",
            (
                (
                    joke + 1,
                    joke // JOKES_PER_PHOTO + 1,
                    joke % USERS,
                    prompt,
                    f"Joke number {joke} about something.",
                    now,
                )
                for joke in range(jokes)
            ),
        )
        pairs = np.unique(random.integers(0, jokes * USERS, int(ratings * 1.01)))
        pairs = np.sort(random.permutation(pairs)[:ratings])
        joke, user = pairs // USERS, pairs % USERS
        quality = np.repeat(random.normal(0, 0.4, photos), JOKES_PER_PHOTO) + random.normal(0, 0.6, jokes)
        verdict = 1 + np.digitize(
            quality[joke] + random.normal(0, 0.4, USERS)[user] + random.normal(0, 1, len(pairs)), [-0.5, 0.5]
        )
        connection.executemany(
            "INSERT INTO ratings (joke_id, person_id, value, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
            (
                (joke_id, user_id, value, now, now)
                for joke_id, user_id, value in zip((joke + 1).tolist(), user.tolist(), verdict.tolist(), strict=True)
            ),
        )
    connection.close()
    return size


def hashes(photos: int, random: np.random.Generator) -> list[int]:
    """Perceptual hashes with 32 of 64 bits set, as photos have; NEAR_SHARE of them 2 bits from another."""
    bits = random.permuted(np.tile(np.repeat([False, True], 32), (photos, 1)), axis=1)
    copies = random.choice(photos, int(NEAR_SHARE * photos), replace=False)
    bits[copies] = bits[(copies + 1) % photos]
    bits[copies, 5] ^= True
    bits[copies, 40] ^= True
    return np.packbits(bits, axis=1).view(np.int64)[:, 0].tolist()


async def needed_photos(root: Path, settings: SelectionSettings) -> list[tuple[int, str]]:
    """(id, sha256) of the photos that an export will decode; deletes the split that it stores meanwhile."""
    database = await Database.open(root / "jokebot.sqlite3")
    try:
        split = await update_split(database, share=settings.holdout_share, near_bits=settings.near_duplicate_bits)
        scores = score_jokes(await rating_arrays.read_ratings_since(database, 0), settings)
        chosen = select_jokes(scores, split, (), settings)
        holdout = await select_holdout(database, scores, split, settings.holdout_photos)
        photos = {(joke.source.photo.id, joke.source.photo.sha256) for joke in holdout}
        sources = await rating_arrays.get_sources(database, scores.evidence.joke_ids[chosen.new].tolist())
        async with database.write() as connection:
            await connection.execute("DELETE FROM grouped_photos")
            await connection.execute("DELETE FROM photo_groups")
        return sorted(photos | {(source.photo.id, source.photo.sha256) for source in sources.values()})
    finally:
        await database.close()


def measure(command: list[str], environment: dict[str, str]) -> tuple[float, float, str]:
    """Run a command; returns seconds, peak resident memory of all its processes in MB, and its output."""
    start, peak = time.monotonic(), 0
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, resident(watched))
            time.sleep(SAMPLE_S)
        output = process.stdout.read()
    seconds = time.monotonic() - start
    if process.returncode:
        raise SystemExit(f"the export failed: {output}")
    return seconds, peak / 1e6, output


def resident(process: psutil.Process) -> int:
    total = 0
    try:
        for member in (process, *process.children(recursive=True)):
            total += member.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def run(root: Path, ratings: int, photos: int) -> dict[str, float | int]:
    random = np.random.default_rng(0)
    pictures = Pictures.make(random)
    size = asyncio.run(fill(root, pictures, ratings, photos, random))
    needed = asyncio.run(needed_photos(root, SelectionSettings()))
    for number, sha256 in needed:
        path = photo_file(root / "photos", sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pictures.data(number - 1))
    write_random(root / "model", SHAPES["tiny"], seed=0)
    print(
        f"{ratings:,} ratings, {photos:,} photos of {size / 1e3:.0f} KB, {len(needed):,} of them on the disk",
        flush=True,
    )
    environment = {**os.environ, "JOKEBOT_STORAGE_DIRECTORY": str(root), "JOKEBOT_MODEL_DIRECTORY": str(root / "model")}
    seconds, rss_mb, output = measure([sys.executable, "-m", "bot", "export"], environment)
    print(output, flush=True)
    manifest = json.loads(next((root / "datasets").glob("*/manifest.json")).read_text())
    return {
        "seconds": round(seconds, 1),
        "rss_mb": round(rss_mb),
        "rows": manifest["counts"]["train"],
        "holdout_rows": manifest["counts"]["holdout"],
        "ratings": ratings,
        "photos": photos,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--photos", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jokebot-bench-") as folder:
        print(json.dumps(run(Path(folder), arguments.ratings, arguments.photos)))


if __name__ == "__main__":
    main()
