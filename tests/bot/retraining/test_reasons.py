"""The reason why a run ended is in the reader's language."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.handlers.admin.retrain import first_sentence
from bot.i18n.reasons import reason_text
from bot.i18n.translator import Translator
from bot.sandbox.telegram_objects import FIRST_USER_ID
from configs.errors import JokebotError
from configs.settings import ROOT
from storage.learning import promotion, runs
from storage.learning.reasons import EndReason
from tests.bot.i18n.test_translator import messages
from tests.bot.retraining.conftest import judged_run

WORDS = Translator()
TRAINING = ROOT / "trainer" / "xtuner" / "plan.py"
OTHER_CODES = ("bot/sandbox", "bot/engine/cpu")
"""Folders where a code is one of Telegram's or OpenAI's."""

WITH_CODE = ("EndReason", "InsufficientResources", "StepFailed", "StepKilled", "__init__")
"""Calls with a code, besides those of exceptions that end in Error."""


def written_codes() -> Iterator[str]:
    """Every code in the sources, as `code="…"` or as the second argument of an EndReason."""
    for folder in ("bot", "storage", "trainer"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if not str(file.relative_to(ROOT)).startswith(OTHER_CODES):
                for call in [
                    node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
                ]:
                    called = getattr(call.func, "id", getattr(call.func, "attr", ""))
                    if called in WITH_CODE or called.endswith("Error"):
                        for given in [word.value for word in call.keywords if word.arg == "code"] + call.args[1:2] * (
                            called == "EndReason"
                        ):
                            either = (given.body, given.orelse) if isinstance(given, ast.IfExp) else (given,)
                            yield from (one.value for one in either if isinstance(one, ast.Constant))


def kinds_of(file: Path, name: str) -> list[str]:
    """The texts of a class's tuple of that name."""
    assigned = next(
        node
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name
    )
    return [element.value for element in assigned.value.elts]


@pytest.mark.parametrize("language", WORDS.languages)
def test_every_reason_has_words_in_every_language(language):
    codes = set(written_codes()) - {"gate"}
    codes |= {f"training-{kind}" for kind in kinds_of(TRAINING, "REASONS")} | {
        f"trial-{over}" for over in ("better", "worse", "ratings", "days")
    }
    assert len(codes) > 40
    assert {f"reason-{code}" for code in codes} - messages(language).keys() == set()


def test_a_reason_is_said_with_its_figures_and_its_step_by_name():
    reason = EndReason(
        "Its step training was begun 5 times.", "attempts", {"step": "training", "times": 5, "signal": "SIGKILL"}
    )
    said = reason_text(WORDS, "zh", reason)
    assert WORDS.format("zh", "run-state-training") in said and "5" in said and "SIGKILL" in said


def test_what_has_no_words_is_said_as_it_was_written_down():
    for why in (
        "The disk is full.",
        JokebotError("The disk is full."),
        EndReason("The disk is full.", "no-such-code", {"what": 1}),
        EndReason("The disk is full.", "no-disk", {}),
    ):
        assert reason_text(WORDS, "zh", why) == "The disk is full."


def test_the_first_sentence_ends_where_its_language_ends_it():
    assert first_sentence("Too little: 0.5 GB are free. Make room.") == "Too little: 0.5 GB are free."
    assert first_sentence("磁盘不够：只剩 0.5 GB。腾点地方。") == "磁盘不够：只剩 0.5 GB。"
    assert first_sentence("No end") == "No end"


async def test_an_admin_who_speaks_chinese_reads_why_a_run_ended_in_chinese(stage_with, sections):
    sections["telegram"]["admins"] = [FIRST_USER_ID + 2]
    stage = await stage_with(**sections)
    assert (await stage.answer(stage.world.send_text(stage.ming, stage.ming, "/runs")))["text"] == WORDS.format(
        "zh", "runs-none"
    )
    error = JokebotError("A run needs 12.5 GB of disk in /data.", code="no-disk", needed="12.5", free="0.5")
    run = await runs.create_run(stage.app.database, "command")
    await promotion.end_run(stage.app.database, run, "failed", error)
    said = WORDS.format("zh", "reason-no-disk", needed="12.5", free="0.5")
    await stage.world.wait_for(lambda world: any(said in one.get("text", "") for one in world.messages(stage.ming)), 60)
    listed = (await stage.answer(stage.world.send_text(stage.ming, stage.ming, "/runs")))["text"]
    assert first_sentence(said) in listed and "12.5 GB of disk" not in listed


async def test_what_the_gate_found_is_listed_in_the_admins_language(stage_with, sections):
    sections["telegram"]["admins"] = [FIRST_USER_ID + 2]
    stage = await stage_with(**sections)
    run = await judged_run(stage.app.database, "reject", codes=["copying"])
    assert run.why.code == "gate"
    listed = (await stage.answer(stage.world.send_text(stage.ming, stage.ming, "/runs")))["text"]
    assert WORDS.format("zh", "gate-copying") in listed
