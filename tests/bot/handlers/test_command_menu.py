"""The menu has the commands that there are handlers for."""

import json

import pytest
from telegram.ext import Application

from bot.handlers.command_menu import ADMIN_COMMANDS, COMMANDS, menu_commands
from bot.handlers.routes import command
from bot.handlers.update_router import add_routes


async def nothing(incoming):
    """Handles a command."""


USER, ADMIN, OTHER_USER = command("best", nothing), command("ban", nothing, admin_only=True), command("mine", nothing)


def test_users_do_not_see_the_commands_of_admins():
    assert menu_commands([USER, ADMIN, OTHER_USER]) == ["best", "mine"]
    assert menu_commands([USER, ADMIN, OTHER_USER], for_admins=True) == ["best", "mine", "ban"]


def test_the_commands_in_the_reference_pages_are_those_of_the_routes():
    with pytest.raises(ValueError, match="COMMANDS"):
        add_routes(Application.builder().token("1:x").build(), None, [USER])


async def test_telegram_gets_the_menu_for_users_and_for_each_admin(stage_with):
    stage = await stage_with(telegram={"admins": [1001]})
    await stage.until(lambda: len(stage.calls("setMyCommands")) == 6)
    menus = {
        (str(call.get("scope", "")).count("1001"), call.get("language_code")): json.loads(call["commands"])
        for call in stage.calls("setMyCommands")
    }
    assert set(menus) == {(admin, language) for admin in (0, 1) for language in (None, "en", "zh")}
    for (admin, _), commands in menus.items():
        names = [one["command"] for one in commands]
        assert names == [*COMMANDS, *ADMIN_COMMANDS] if admin else list(COMMANDS)
