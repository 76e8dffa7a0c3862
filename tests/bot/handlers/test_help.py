"""/start, /help and the command menu."""

import json

import pytest


@pytest.mark.parametrize("command", ["start", "help"])
async def test_commands_are_answered_in_ones_own_language(stage, command):
    for person, language in ((stage.alice, "en"), (stage.ming, "zh")):
        message = stage.world.send_text(person, person, f"/{command}")
        answer = await stage.answer(message)
        assert answer["text"] == stage.words(command, language, bot=stage.world.bot["username"], album="per_photo")


async def test_the_command_menu_is_set_in_every_language(stage):
    await stage.world.wait_for(lambda _: len(stage.calls("setMyCommands")) == 3)
    menus = {call.get("language_code", ""): json.loads(call["commands"]) for call in stage.calls("setMyCommands")}
    assert menus.keys() == {"", "en", "zh"}
    assert menus[""] == menus["en"]
    assert [entry["command"] for entry in menus["zh"]] == [
        "start",
        "help",
        "joke",
        "explain",
        "better",
        "oogiri",
        "best",
        "mine",
        "stats",
        "style",
        "settings",
        "language",
        "privacy",
        "private",
        "forget",
    ]
    assert menus["zh"][2]["description"] == stage.words("command-joke", "zh")
