"""`jokebot tutorial` on the demo model: the camp's whole course with 24 made rows, killed again and again."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.tutorial import CHECK_ROWS, CHECK_SETTINGS, CHECK_SIZE, DEMO, environment
from benchmarks.tutorial_rows import text, write_rows
from configs.settings import ROOT
from storage.database import Database
from storage.learning import datasets, models, promotion
from storage.learning.dataset_files import read_dataset
from storage.learning.run_files import read_training_steps
from tests.trainer.hub.hub_server import HubThread, LoopbackHub

PHOTOS = [ROOT / "configs" / "demo-model" / "samples" / name for name in ("fox.jpg", "guitar.jpg")]
LAST = "puts it into service."


class Course:
    """Calls `jokebot tutorial` with one data folder."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self.out = folder, folder / "data" / "tutorial"
        self.environment = {**environment(folder, {**CHECK_SETTINGS, **settings}), "NO_PROXY": "127.0.0.1"}
        self.environment.pop("HF_HUB_OFFLINE", None)  # a test that loaded a model in this process has set it

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "bot", "tutorial", *map(str, arguments)],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def call(self, *arguments: object) -> tuple[int, str]:
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=1500)
        return process.returncode, said

    def end_at(self, number: int, reached: Callable[[str], bool], *arguments: object) -> tuple[int, str]:
        """Send a signal once an output line says that the moment is reached; the exit code and the output."""
        process, said = self.start(*arguments), ""
        assert process.stdout
        for line in process.stdout:
            said += line
            if reached(line):
                process.send_signal(number)
                break
        else:
            pytest.fail(said)
        rest, _ = process.communicate(timeout=600)
        return process.returncode, said + rest

    def steps(self) -> list[str]:
        """The steps that are done."""
        recorded = json.loads((self.out / "tutorial.json").read_text(encoding="utf-8"))["steps"]
        return [name for name, step in recorded.items() if "facts" in step]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("made"), CHECK_ROWS, CHECK_SIZE, first=500)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.timeout(2400)
async def test_a_course_that_is_killed_in_its_steps_ends_with_a_page_and_a_model(data: Path, tmp_path: Path) -> None:
    course = Course(tmp_path, TRAINING_BATCH_SIZE="4", SELECTION_HOLDOUT_SHARE="0.05")
    with HubThread(LoopbackHub("zhongshsh/CLoT-Oogiri-GO", {"a" * 40: contents(data)})) as running:
        given = ("--model", DEMO, "--photos", *PHOTOS, "--from", running.address, "--rows", CHECK_ROWS, "--yes")
        course.end_at(signal.SIGKILL, lambda line: line.startswith("A checkpoint, "), *given)
    assert course.steps() == ["model", "data"]
    course.end_at(signal.SIGKILL, lambda line: line.startswith("$ jokebot import-oogiri"), "--yes")
    code, said = course.end_at(signal.SIGTERM, lambda line: line.startswith("step "))
    assert code == 143 and said.endswith("\nStopped. `jokebot tutorial` continues.\n"), said
    assert course.steps() == ["model", "data", "before", "dataset"]
    course.end_at(signal.SIGKILL, lambda line: line.startswith("step "))
    course.end_at(signal.SIGKILL, lambda line: line.startswith("$ jokebot merge"))
    course.end_at(signal.SIGKILL, lambda line: line.startswith("B tutorial, "))
    code, said = course.call()
    assert code == 0 and LAST in said.splitlines()[-1], said
    assert [line[:5] for line in said.splitlines() if line.startswith("[")] == [f"[{n}/8]" for n in range(1, 9)]
    losses = [step["step"] for step in read_training_steps(course.out / "run")]
    assert losses == list(range(1, len(losses) + 1)) and len(losses) >= 5
    check_page(course)
    await check_registry(course)


def check_page(course: Course) -> None:
    page = (course.out / "compare.html").read_text(encoding="utf-8")
    for name in ("before", "after"):
        answers = json.loads((course.out / f"{name}.json").read_text(encoding="utf-8"))["answers"]
        assert len(answers) == 2 and all(answer["text"] in page for answer in answers)
    assert page.count("<article>") == 2 and "请你根据这张图片，讲一个脑洞大开的梗" in page
    assert ">checkpoint<" in page and ">tutorial<" in page


async def check_registry(course: Course) -> None:
    """The model is a candidate that an admin can promote, made from all usable rows."""
    database = await Database.open(course.folder / "data" / "jokebot.sqlite3")
    try:
        base, model = await models.all_models(database)
        assert (model.name, model.status, model.base_id) == ("tutorial", "candidate", base.id)
        assert model.measured["training"]["steps"] >= 5 and model.template and model.digest
        (dataset,) = await datasets.all_datasets(database)
        assert (dataset.name, dataset.state) == (model.dataset, "trained")
        rows = read_dataset(course.folder / "data" / "datasets" / dataset.name)
        answers = {row["conversations"][1]["value"] for row in rows.rows()}
        assert answers == {text(seed) for seed in range(500, 500 + CHECK_ROWS)}, "IT2T rows too"
        await promotion.promote(database, model.id, "admin")
        assert (await models.get_model(database, "tutorial")).status == "champion"
        assert (await datasets.all_datasets(database))[0].state == "learnt"
    finally:
        await database.close()
    code, said = course.call()
    assert code == 0 and said.count("done before") == 8 and "number 2, tutorial" in said
    code, said = course.call("--rows", 5, "--camp")
    assert code == 2 and "begun with --rows 24, --camp False" in said and len(said.splitlines()) == 1


def test_the_model_is_fetched_only_when_the_user_agrees(data: Path, tmp_path: Path) -> None:
    files = {file.name: file.read_bytes() for file in DEMO.iterdir() if file.name != "CARD.md"}
    course = Course(tmp_path)
    with HubThread(LoopbackHub("OpenGVLab/InternVL2-2B", {"a" * 40: files})) as hub:
        code, said = course.call("--data", data, "--from", hub.address)
        assert code == 2 and "There is no terminal to ask" in said and not hub.transfers
        course.end_at(signal.SIGKILL, lambda line: line.startswith("[2/8]"), "--yes")
    assert course.steps()[0] == "model"
    fetched = tmp_path / "data" / "downloads" / "InternVL2-2B"
    assert {file.name for file in fetched.iterdir()} == set(files)


def test_wrong_input_is_one_line_before_anything_begins(data: Path, tmp_path: Path) -> None:
    for number, (arguments, said) in enumerate(
        (
            (("--model", tmp_path / "none", "--data", data), "There is no directory"),
            (("--model", DEMO, "--data", tmp_path), "holds no rows"),
            (("--model", DEMO, "--data", data / "images.zip"), "should hold rows"),
        )
    ):
        code, told = Course(tmp_path / str(number)).call("--yes", *arguments)
        assert code == 2 and said in told and len(told.splitlines()) == 1, told


def test_a_course_that_runs_is_not_run_twice(data: Path, tmp_path: Path) -> None:
    course = Course(tmp_path)
    first = course.start("--model", DEMO, "--data", data, "--yes")
    assert first.stdout
    while not first.stdout.readline().startswith("[3/8]"):
        assert first.poll() is None
    code, said = course.call()
    first.kill()
    first.communicate()
    assert code == 2 and "Another `jokebot tutorial` is at work" in said


def test_the_camps_settings_are_those_of_its_configuration() -> None:
    from bot.cli.tutorial_steps import CAMP
    from configs.settings import TrainingSettings

    camp = TrainingSettings(**{name.lower(): value for name, value in CAMP.items()})
    assert (camp.epochs, camp.batch_size, camp.accumulation, camp.learning_rate) == (6, 4, 4, 2e-5)
    assert (camp.lora_rank, camp.lora_alpha, camp.lora_dropout, camp.nf4) == (128, 256, 0.05, True)
