"""The hook for photos: asked before a photo is kept, and no trouble of its own is the bot's."""

import asyncio
import sys
import threading
from types import ModuleType

import pytest

from bot.jokes import moderation
from bot.jokes.moderation import Moderator
from configs.errors import SettingsError
from configs.safety import SafetySettings
from configs.settings import Settings
from storage.media.photos import PhotoError, check_photo


@pytest.fixture
def hook(monkeypatch):
    """Installs a function as `house_rules:moderate` and gives the setting."""

    def install(function):
        module = ModuleType("house_rules")
        module.moderate = function
        monkeypatch.setitem(sys.modules, "house_rules", module)
        return "house_rules:moderate"

    return install


@pytest.fixture
def photo(picture):
    return check_photo(picture(), max_bytes=10**7, max_pixels=10**7)


async def test_a_photo_that_is_declined_is_not_kept_and_gets_a_kind_word(stage_with, hook, picture):
    seen = []
    red = picture(colour=(200, 30, 60), size=(64, 64))

    def moderate(data: bytes) -> str | None:
        seen.append((threading.current_thread() is threading.main_thread(), data[:3]))
        return "too small" if len(data) < len(picture()) else None

    stage = await stage_with(safety={"moderation_hook": hook(moderate)})
    declined = await stage.answer(stage.send_photo(data=red))
    assert declined["text"] == stage.words("photo-declined") and "reply_markup" not in declined
    assert await stage.value("SELECT count(*) FROM photos") == 0 and not list(
        stage.settings.storage.photos.rglob("*.jpg")
    )
    assert stage.engine.requests == 0
    await stage.joke(stage.send_photo())
    assert seen == [(False, b"\xff\xd8\xff")] * 2 and await stage.value("SELECT count(*) FROM photos") == 1


def failing(data: bytes) -> str:
    raise ValueError("no such cat")


@pytest.mark.parametrize("function", [failing, lambda data: True, lambda data: "", lambda data: sys.exit(3)])
async def test_a_hook_that_fails_closes_or_opens_as_set(hook, photo, function):
    name = hook(function)
    with pytest.raises(PhotoError) as caught:
        await Moderator(SafetySettings(moderation_hook=name)).check(photo)
    assert caught.value.reason == "unchecked"
    await Moderator(SafetySettings(moderation_hook=name, moderate_failure="pass")).check(photo)


async def test_hooks_that_hang_hold_nothing_up(hook, photo):
    gate, calls = threading.Event(), []

    def hang(data: bytes) -> None:
        calls.append(1)
        gate.wait()

    name = hook(hang)
    moderator = Moderator(SafetySettings(moderation_hook=name, moderate_timeout_s=0.05))
    for _ in range(moderation.MAX_HANGING + 3):
        with pytest.raises(PhotoError):
            await moderator.check(photo)
    assert len(hanging := moderator._hanging) == moderation.MAX_HANGING
    gate.set()
    for thread in hanging:
        await asyncio.to_thread(thread.join, 60)
    assert len(calls) == moderation.MAX_HANGING, "no more threads are begun than may hang"
    moderator._settings = SafetySettings(moderation_hook=name)
    await moderator.check(photo)
    assert not moderator._hanging


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module:moderate", "can't be imported"),
        ("bot.jokes.moderation:nothing", "can't be imported"),
        ("bot.jokes.moderation:MAX_CONCURRENT", "no function"),
    ],
)
def test_a_hook_that_is_none_ends_the_start_with_its_name(name, said):
    with pytest.raises(SettingsError, match=f"safety.moderation_hook.*{said}|{name}.*{said}"):
        Moderator(SafetySettings(moderation_hook=name))


def test_the_setting_has_a_form():
    with pytest.raises(ValueError, match="module:function"):
        Settings(safety={"moderation_hook": "rm -rf"})


async def test_without_a_hook_every_photo_passes(photo):
    await Moderator(SafetySettings()).check(photo)
