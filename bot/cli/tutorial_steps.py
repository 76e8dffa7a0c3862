"""The steps of `jokebot tutorial`. Not a subcommand: only bot/cli/ may import the trainer."""

import argparse
import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

from bot.cli import fetch
from bot.comparison.runner import ComparisonPrompt
from bot.engine.client import SamplingParams
from bot.tutorial.course import CourseError, CourseRecord, CourseStep, duration
from bot.tutorial.jokes import choose_engine, write_comparison, write_jokes
from bot.tutorial.step_command import run_command
from configs.prompts import load_prompts
from configs.settings import Settings
from storage.checkpoint.check import check_checkpoint
from storage.checkpoint.identity import fingerprint_content
from storage.checkpoint.template import template_of
from storage.database import Database
from storage.learning.datasets import mark_dataset
from storage.learning.model_files import model_digest
from storage.learning.models import NewModel, register_candidate
from storage.learning.run_files import read_progress
from trainer.merge.adapter import ABOUT
from trainer.merge.base_model import BaseCheckpoint
from trainer.oogiri.files import find_pictures, find_rows, open_pictures
from trainer.oogiri.importer import LANGUAGES, OogiriImport, prompt_for
from trainer.oogiri.sample_pictures import sample_pictures
from trainer.pipeline.resources import check_disk

MODEL, DATA = "InternVL2-2B", "oogiri"
"""What is fetched unless it is given."""
PHOTOS = 6
"""Photos of the comparison, unless some are given: a joke by a 2B model on a CPU takes half a minute or more."""
QUICK = {"EPOCHS": "1"}
CAMP = {
    "BATCH_SIZE": "4",
    "ACCUMULATION": "4",
    "EPOCHS": "6",
    "LEARNING_RATE": "2e-5",
    "WEIGHT_DECAY": "0.05",
    "WARMUP": "0.03",
    "MAX_NORM": "1",
    "LORA_RANK": "128",
    "LORA_ALPHA": "256",
    "LORA_DROPOUT": "0.05",
    "NF4": "true",
    "MAX_LENGTH": "6656",
}
"""The camp's configuration (InternLM/Tutorial, docs/L2/InternVL/joke_readme.md), as settings of [training]."""


class Declined(Exception):
    """The user declined a download or the model's code."""


class Tutorial:
    """The steps of one course. `lock` is the descriptor that its child processes inherit."""

    def __init__(
        self, record: CourseRecord, choices: dict[str, Any], settings: Settings, lock: int, *, yes: bool
    ) -> None:
        self._record, self._choices, self._settings, self._lock, self._yes = record, choices, settings, lock, yes
        self._language = choices["language"]
        self._run, self._page = record.folder / "run", record.folder / "compare.html"
        self._merged = settings.storage.models.absolute() / choices["name"]
        self._downloads = settings.storage.directory.absolute() / fetch.DOWNLOADS

    def steps(self) -> list[CourseStep]:
        """The steps in order, with the headings of the camp's tutorial."""
        tuning = "InternVL 微调攻略 · "
        return [
            CourseStep("model", "The model", "准备InternVL模型", self._prepare_model),
            CourseStep("data", "The data", "准备微调数据集", self._prepare_data),
            CourseStep("before", "Jokes before", "InternVL 推理部署攻略", partial(self._write_jokes, "before")),
            CourseStep("dataset", "Import", f"{tuning}准备数据集", self._import),
            CourseStep("train", "QLoRA", f"{tuning}配置微调参数 · 开始训练", self._train),
            CourseStep("merge", "Merge", f"{tuning}合并权重&&模型转换", self._merge),
            CourseStep("after", "Jokes after, and a page with both", "微调后效果对比", self._compare),
            CourseStep("register", "Registration", "jokebot", self._register),
        ]

    def check_input(self) -> None:
        """Check what was given before anything is fetched or begun. Raises JokebotError."""
        if self._choices["model"] and not self._record.is_done("model"):
            check_checkpoint(Path(self._choices["model"]), for_training=True)
        if self._choices["data"] and not self._record.is_done("data"):
            self._check_data(Path(self._choices["data"]))

    def _prepare_model(self) -> dict[str, Any]:
        given = self._choices["model"]
        if given is None:
            self._fetch(MODEL)
        directory = check_checkpoint(Path(given or self._downloads / MODEL), for_training=True).directory
        if given and asyncio.run(fetch.register(directory, argparse.Namespace(yes=self._yes), self._settings)):
            raise Declined("Without its code the model can't be used.")
        return {"directory": str(directory)}

    def _prepare_data(self) -> dict[str, Any]:
        given = self._choices["data"]
        if given is None:
            self._fetch(DATA)
        data = Path(given or self._downloads / f"{DATA}-{self._language}")
        return {"path": str(data), "rows": self._check_data(data)}

    def _fetch(self, name: str) -> None:
        """Fetch as `jokebot fetch` does, which asks. Raises Declined, FetchError."""
        source, language = self._choices["from"], self._language
        request = {"name": name, "source": source, "revision": None, "language": language, "to": None}
        if fetch.run(argparse.Namespace(**request, yes=self._yes), self._settings):
            raise Declined("Without this download the tutorial can't go on.")

    def _check_data(self, data: Path) -> str:
        """The name of the file of rows. Raises OogiriError if rows or pictures are missing."""
        rows = find_rows(data, self._language)
        open_pictures(find_pictures(rows, None), self._settings.limits.photo_bytes)
        return rows.name

    def _write_jokes(self, name: str) -> dict[str, Any]:
        photos, model = self._photos(), self._base() if name == "before" else self._merged
        kind, file = choose_engine(self._settings), self._record.folder / f"{name}.json"
        jokes = write_jokes(file, kind, model, photos, self._question(), self._settings)
        return {"engine": kind, "jokes": jokes, "photos": [photo.name for photo in photos]}

    def _photos(self) -> list[Path]:
        """The photos of the comparison: those given, else pictures of the data."""
        if given := self._choices["photos"]:
            return [Path(photo) for photo in given]
        folder = self._record.folder / "photos"
        if stored := self._record.facts("before").get("photos"):
            return [folder / name for name in stored]
        request = OogiriImport(Path(self._record.facts("data")["path"]), language=self._language)
        return sample_pictures(request, PHOTOS, folder, self._settings.limits)

    def _question(self) -> ComparisonPrompt:
        """The prompt of the imported rows, with the settings' sampling."""
        prompts, language = load_prompts(), LANGUAGES[self._language]
        style = prompts.language(language).default if language in prompts.languages else DATA
        sampling = SamplingParams.of(self._settings.joke, language)
        return ComparisonPrompt(language, style, prompt_for(self._language), sampling, seed=1)

    def _base(self) -> Path:
        return Path(self._record.facts("model")["directory"])

    def _import(self) -> dict[str, Any]:
        command = ("import-oogiri", self._record.facts("data")["path"], "--language", self._language)
        options = ("--limit", self._choices["rows"], "--model", self._base(), "--hold-out", *self._photos())
        directory = Path(run_command(self._lock, *command, *options, collect=True)).absolute()
        return {"name": directory.name, "directory": str(directory)}

    def _train(self) -> dict[str, Any]:
        if not self._run.exists():
            base, settings = BaseCheckpoint.open(self._base()), self._settings
            check_disk(settings.storage.directory, base, settings.training, settings.retrain)
        asyncio.run(self._mark_trained())
        training = CAMP if self._choices["camp"] else QUICK
        print(f"Settings: {', '.join(f'{name.lower()} {value}' for name, value in training.items())}", flush=True)
        dataset = self._record.facts("dataset")["directory"]
        variables = {f"JOKEBOT_TRAINING_{name}": value for name, value in training.items()}
        run_command(
            self._lock, "train", dataset, "--base", self._base(), "--out", self._run, "--no-hint", variables=variables
        )
        progress = read_progress(self._run)
        return {"steps": progress.get("steps"), "loss": progress.get("loss"), "step_s": progress.get("step_s")}

    async def _mark_trained(self) -> None:
        async with Database.connect(self._settings.storage) as database:
            await mark_dataset(database, self._record.facts("dataset")["name"], "trained")

    def _merge(self) -> dict[str, Any]:
        if not self._merged.is_dir():  # it appears when it is complete
            self._merged.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            run_command(self._lock, "merge", self._run, "--base", self._base(), "--out", self._merged, "--sync")
        return {"directory": str(self._merged)}

    def _compare(self) -> dict[str, Any]:
        facts = self._write_jokes("after")
        before, after = (self._record.folder / f"{name}.json" for name in ("before", "after"))
        write_comparison(self._page, before, after, self._photos(), self._question(), self._settings)
        print(f"The page: {self._page}", flush=True)
        return facts

    def _register(self) -> dict[str, Any]:
        return {"model": asyncio.run(self._register_candidate())}

    async def _register_candidate(self) -> int:
        """Register the model as a candidate with its base and dataset, and return its number."""
        base = await fetch.registered_as(self._base(), self._settings)
        if base is None:
            raise CourseError(f"The registry no longer knows {self._base()}: `jokebot models add` registers it.")
        about = json.loads((self._run / ABOUT).read_text(encoding="utf-8"))
        new = NewModel(
            name=self._choices["name"],
            parent_id=base.id,
            base_id=base.base_id or base.id,
            start_id=base.id,
            dataset=self._record.facts("dataset")["name"],
            run_id=None,
            directory=str(self._merged),
            digest=await asyncio.to_thread(model_digest, self._merged),
            measures=json.dumps({"training": about["measures"]}),
            template=template_of(self._merged),
            content=fingerprint_content(self._merged),
        )
        async with Database.connect(self._settings.storage) as database:
            return (await register_candidate(database, new)).id

    def print_end(self) -> None:
        """Print what came out, and how the model gets into service."""
        number, name = self._record.facts("register")["model"], self._choices["name"]
        total = sum(self._record.seconds(step.name) for step in self.steps())
        print(
            f"\nAll done, {duration(total)} of work.\nThe page with both models' jokes: {self._page}\n"
            f"The model: {self._merged}, registered as number {number}, {name}.\n"
            f"Next: `/promote {number}` in the chat, or `jokebot models promote {name}`, puts it into service."
        )
