"""/settings: one message whose buttons change what a chat has set, for those who may."""

from dataclasses import replace

from bot.chats.chat_settings import ChatSettingsStore
from bot.sandbox.groups import promote
from configs.prompts import load_prompts

PROMPTS = load_prompts()


async def ask(stage, person, chat=None, command="/settings"):
    """Send /settings; the bot's message."""
    return await stage.answer(stage.world.send_text(person, chat or person, command))


async def press(stage, menu, data, person=None):
    """Press the button that sends `data` as soon as the message has it; what the bot says to that."""
    await stage.world.wait_for(lambda world: data in sent_by(world.message(menu["chat"]["id"], menu["message_id"])), 60)
    return await stage.press_data(menu, data, person=person)


def sent_by(message):
    return [
        button["callback_data"] for row in message.get("reply_markup", {}).get("inline_keyboard", []) for button in row
    ]


async def marked(stage, menu, *labels):
    """Wait until these are the choices that are marked."""
    await stage.world.wait_for(
        lambda _: [label.removeprefix("✓ ") for label in stage.labels(menu) if label.startswith("✓ ")] == list(labels),
        60,
    )


async def reads(stage, menu, text, *, buttons=True):
    """Wait until the message says that."""

    def there(world):
        message = world.message(menu["chat"]["id"], menu["message_id"])
        return message["text"] == text and ("reply_markup" in message) == buttons

    await stage.world.wait_for(there, 60)


async def choose(stage, chat, page, value, person=None):
    """Set something in a chat through its menu."""
    menu = await ask(stage, person or stage.alice, chat)
    for data in (f"c:{page}", f"c:{page}:{value}"):
        await press(stage, menu, data, person)
    return menu


async def test_pages_turn_in_one_message_and_show_what_is_chosen(stage):
    menu = await ask(stage, stage.alice, stage.group)
    assert menu["text"] == stage.words("settings-group")
    assert stage.labels(menu) == [
        stage.words("settings-language", value="each in their own"),
        stage.words("settings-style", value="the usual"),
        stage.words("settings-gentle", value="off"),
        stage.words("settings-answers", value="when called"),
        stage.words("settings-daily", value="no limit"),
        stage.words("settings-punchlines", value="on"),
        stage.words("settings-weekly", value="off"),
        stage.words("settings-changers", value="admins"),
        "Done",
    ]
    assert await press(stage, menu, "c:style") == ""
    await marked(stage, menu, "the usual")
    assert await press(stage, menu, "c:style:pun") == stage.words("settings-saved")
    await marked(stage, menu, "pun")
    await press(stage, menu, "c:main")
    await stage.world.wait_for(lambda _: stage.words("settings-style", value="pun") in stage.labels(menu), 60)
    await press(stage, menu, "c:close")
    await stage.world.wait_for(lambda world: "reply_markup" not in world.message(stage.group, menu["message_id"]), 60)
    assert stage.words("settings-style", value="pun") in stage.world.message(stage.group, menu["message_id"])["text"]
    assert len(stage.answers(stage.world.message(stage.group, menu["reply_to_message"]["message_id"]))) == 1


async def test_every_choice_can_be_made_and_taken_back(stage):
    menu = await ask(stage, stage.alice, stage.group)
    before = stage.part(ChatSettingsStore).get(stage.group)
    for page, values in {
        "style": ("absurd", "usual"),
        "answers": ("photos", "called"),
        "daily": ("20", "none"),
        "language": ("zh", "any"),
        "weekly": ("on", "off"),
        "changers": ("all", "admins"),
    }.items():
        await press(stage, menu, f"c:{page}")
        for value in values:
            await press(stage, menu, f"c:{page}:{value}")
            await stage.world.wait_for(lambda _, sends=f"c:{page}:{value}": chosen(stage, menu) == [sends], 60)
        assert replace(stage.part(ChatSettingsStore).get(stage.group), speaks=None) == before
        await press(stage, menu, "c:main")


def chosen(stage, menu):
    """What the marked buttons send."""
    message = stage.world.message(menu["chat"]["id"], menu["message_id"])
    return [
        button["callback_data"]
        for row in message["reply_markup"]["inline_keyboard"]
        for button in row
        if button["text"].startswith("✓ ")
    ]


async def test_what_is_set_holds_over_a_restart(stage):
    await choose(stage, stage.group, "style", "deadpan")
    await stage.quiet()
    await stage.restart()
    await stage.joke(stage.send_photo("/joke", chat=stage.group))
    assert stage.engine.asked[-1].user == PROMPTS.ask("en", "deadpan")


async def test_a_chat_asks_for_gentle_jokes_for_itself_also_over_a_restart(stage):
    await choose(stage, stage.group, "gentle", "on")
    await stage.quiet()
    await stage.restart()
    await stage.joke(stage.send_photo("/joke", chat=stage.group))
    assert stage.engine.asked[-1].user == PROMPTS.ask("en", gentle=True)
    assert await stage.value("SELECT prompt FROM jokes ORDER BY id DESC") == PROMPTS.ask("en", gentle=True)
    await stage.joke(stage.send_photo())
    assert stage.engine.asked[-1].user == PROMPTS.ask("en")


async def test_the_setting_asks_for_gentle_jokes_where_a_chat_has_not_chosen(stage_with):
    stage = await stage_with(safety={"gentle": True})
    await stage.joke(stage.send_photo())
    assert stage.engine.asked[-1].user == PROMPTS.ask("en", gentle=True)
    await choose(stage, stage.alice, "gentle", "off")
    await stage.joke(stage.send_photo())
    assert stage.engine.asked[-1].user == PROMPTS.ask("en")


async def test_style_opens_at_the_page_of_styles_and_holds_for_that_chat_alone(stage):
    menu = await ask(stage, stage.alice, command="/style")
    assert menu["text"] == stage.words("settings-style-ask")
    await press(stage, menu, "c:style:absurd")
    await stage.joke(stage.send_photo())
    assert stage.engine.asked[-1].user == PROMPTS.ask("en", "absurd")
    await stage.joke(stage.send_photo("#pun"))
    assert stage.engine.asked[-1].user == PROMPTS.ask("en", "pun")
    await stage.joke(stage.send_photo("/joke", chat=stage.group))
    assert stage.engine.asked[-1].user == PROMPTS.ask("en")


async def test_in_private_the_language_is_that_of_the_language_command(stage):
    menu = await ask(stage, stage.alice)
    assert len(stage.labels(menu)) == 5
    await press(stage, menu, "c:language")
    await marked(stage, menu, stage.words("language-app"))
    assert await press(stage, menu, "c:language:zh") == stage.words("settings-saved", "zh")
    await marked(stage, menu, "中文")
    question = await stage.joke(stage.world.send_text(stage.alice, stage.alice, "/language"))
    assert question["text"] == stage.words("language-ask", "zh") and "✓ 中文" in stage.labels(question)
    await stage.press(question, 0)
    await press(stage, menu, "c:main")
    await press(stage, menu, "c:language")
    await marked(stage, menu, "English")


async def test_a_groups_language_is_that_of_its_jokes_whoever_asks(stage):
    await choose(stage, stage.group, "language", "zh")
    await stage.joke(stage.send_photo("/joke", chat=stage.group))
    assert "请你根据这张图片" in stage.engine.asked[-1].user
    await stage.joke(stage.send_photo())
    assert "请你根据这张图片" not in stage.engine.asked[-1].user


async def test_the_menu_speaks_with_whoever_pressed_last(stage):
    promote(stage.world, stage.group, stage.ming)
    menu = await ask(stage, stage.alice, stage.group)
    await press(stage, menu, "c:style", stage.ming)
    await reads(stage, menu, stage.words("settings-style-ask", "zh"))


async def test_only_administrators_change_a_groups_settings(stage):
    menu, group = await ask(stage, stage.alice, stage.group), stage.group
    assert await press(stage, menu, "c:style", stage.bob) == stage.words("settings-admins-only")
    assert await stage.press_data(menu, "c:style:pun", person=stage.bob, forged=True) == stage.words(
        "settings-admins-only"
    )
    for command, why in (("/settings", "settings-look"), ("/style", "settings-look-style")):
        shown = await ask(stage, stage.bob, group, command)
        assert shown["text"].endswith(stage.words(why)) and "reply_markup" not in shown
    assert await stage.value("SELECT count(*) FROM chats") == 0
    promote(stage.world, group, stage.bob)
    await choose(stage, group, "style", "pun", stage.bob)
    assert stage.part(ChatSettingsStore).get(group).style == "pun"


async def test_an_anonymous_administrator_may_and_a_member_who_speaks_for_a_channel_may_not(stage):
    promote(stage.world, stage.group, stage.bob, anonymous=True)
    menu = await ask(stage, stage.bob, stage.group)
    assert menu["reply_to_message"]["from"]["username"] == "GroupAnonymousBot"
    assert await press(stage, menu, "c:style", stage.bob) == ""
    assert await press(stage, menu, "c:style:pun", stage.bob) == stage.words("settings-saved")
    stage.world.chats[stage.group].administrators.clear()
    assert await press(stage, menu, "c:style:absurd", stage.bob) == stage.words("settings-admins-only")


async def test_administrators_are_known_where_members_are_hidden_from_bots(stage):
    stage.world.chats[stage.group].hides_members = True
    menu = await ask(stage, stage.alice, stage.group)
    assert await press(stage, menu, "c:style", stage.alice) == ""
    assert await press(stage, menu, "c:main", stage.bob) == stage.words("settings-admins-only")


async def test_everybody_may_where_that_is_set_but_who_may_stays_with_administrators(stage):
    menu = await choose(stage, stage.group, "changers", "all")
    assert await press(stage, menu, "c:changers:admins", stage.bob) == stage.words("settings-admins-only")
    await press(stage, menu, "c:main", stage.bob)
    await press(stage, menu, "c:style", stage.bob)
    assert await press(stage, menu, "c:style:pun", stage.bob) == stage.words("settings-saved")
    assert await press(stage, menu, "c:main", stage.alice) == ""
    await press(stage, menu, "c:changers")
    await press(stage, menu, "c:changers:admins")
    await press(stage, menu, "c:main")
    assert await press(stage, menu, "c:style", stage.bob) == stage.words("settings-admins-only")


async def test_what_no_button_sends_is_refused(stage):
    menu = await ask(stage, stage.alice, stage.group)
    for data in (
        "c:",
        "c:style:",
        "c:style:explain",
        "c:style:rm",
        "c:daily:0",
        "c:daily:7",
        "c:main:pun",
        "c:close:x",
        "c:secret",
        "c:language:fr",
        "c:language:app",
        "c:answers:called:x",
        "c:STYLE",
        "c:weekly:1' --",
    ):
        assert await stage.press_data(menu, data, forged=True) == stage.words("button-unknown"), data
    assert await stage.value("SELECT count(*) FROM chats") == 0


async def test_in_private_there_is_nothing_that_makes_sense_in_groups_alone(stage):
    menu = await ask(stage, stage.alice)
    for data in ("c:daily", "c:daily:5", "c:answers:photos", "c:changers:all", "c:language:any"):
        assert await stage.press_data(menu, data, forged=True) == stage.words("button-unknown")


async def test_a_joke_is_not_turned_into_a_menu(stage):
    joke = await stage.joke(stage.send_photo("/joke", chat=stage.group))
    assert await stage.press_data(joke, "c:style:pun", forged=True) == stage.words("button-unknown")
    await stage.quiet()
    assert stage.labels(joke) == ["😂", "🙂", "😐", "🔁"]


async def test_a_menu_is_not_held_up_by_a_busy_group(stage_with):
    """Asking Telegram who is an administrator says nothing in the group, so it costs nothing of its twenty messages
    a minute.
    """
    stage = await stage_with(limits={"group_messages_per_min": 3})
    menu = await ask(stage, stage.alice, stage.group)
    for data in ("c:style", "c:style"):
        assert await stage.press_data(menu, data, forged=True) == ""
    assert len(stage.calls("getChatMember")) == 3


async def test_forgetting_somebody_forgets_their_private_settings_and_leaves_the_groups(stage):
    for chat in (stage.alice, stage.group):
        await choose(stage, chat, "style", "pun")
    question = await stage.joke(stage.world.send_text(stage.alice, stage.alice, "/forget"))
    await stage.press(question, 0)
    await stage.world.wait_for(
        lambda world: "reply_markup" not in world.message(stage.alice, question["message_id"]), 60
    )
    assert (
        stage.part(ChatSettingsStore).get(stage.alice).style,
        stage.part(ChatSettingsStore).get(stage.group).style,
    ) == (None, "pun")
    assert await stage.value("SELECT group_concat(chat_id) FROM chats") == str(stage.group)
