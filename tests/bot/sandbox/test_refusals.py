"""Calls that Telegram refuses, with its error descriptions."""

import json

import aiohttp
import pytest

from bot.sandbox.errors import ApiError
from bot.sandbox.flood_limits import FloodGuard, FloodLimits
from bot.sandbox.server import Sandbox

ALICE, UNKNOWN = 1001, 4711
BUTTON = {"text": "😂", "callback_data": "1"}
UNCHANGED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


def keyboard(**button):
    return {"inline_keyboard": [[{"text": "x", **button}]]}


REFUSED = [
    ("sendMessage", {"chat_id": UNKNOWN, "text": "x"}, "chat not found"),
    ("sendMessage", {"chat_id": "@nobody", "text": "x"}, "chat not found"),
    ("sendMessage", {"text": "x"}, "chat_id is empty"),
    ("sendMessage", {"chat_id": 2**63, "text": "x"}, "chat not found"),
    ("sendMessage", {"chat_id": "9" * 5000, "text": "x"}, "chat not found"),
    (
        "sendMessage",
        {"chat_id": ALICE, "text": "x", "reply_parameters": {"message_id": 2**64}},
        "message to be replied not found",
    ),
    ("getChatMember", {"chat_id": ALICE, "user_id": 2**63}, "PARTICIPANT_ID_INVALID"),
    ("sendMessage", {"chat_id": ALICE}, "message text is empty"),
    ("sendMessage", {"chat_id": ALICE, "text": " \n "}, "message text is empty"),
    ("sendMessage", {"chat_id": ALICE, "text": "<b></b>", "parse_mode": "HTML"}, "message text is empty"),
    ("sendMessage", {"chat_id": ALICE, "text": "x" * 4097}, "message is too long"),
    ("sendMessage", {"chat_id": ALICE, "text": "😂" * 2049}, "message is too long"),
    (
        "sendMessage",
        {"chat_id": ALICE, "text": "<b>x", "parse_mode": "HTML"},
        "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
    ),
    ("sendMessage", {"chat_id": ALICE, "text": "x", "parse_mode": "BBCode"}, "unsupported parse_mode"),
    (
        "sendMessage",
        {"chat_id": ALICE, "text": "x", "parse_mode": "MarkdownV2"},
        "can't parse entities: the sandbox reads parse_mode HTML only",
    ),
    (
        "sendMessage",
        {"chat_id": ALICE, "text": "x", "reply_parameters": {"message_id": 99}},
        "message to be replied not found",
    ),
    (
        "sendMessage",
        {"chat_id": ALICE, "text": "x", "reply_markup": "{"},
        "can't parse reply keyboard markup JSON object",
    ),
    ("sendMessage", {"chat_id": ALICE, "text": "x", "reply_markup": []}, "object expected as reply markup"),
    (
        "sendMessage",
        {"chat_id": ALICE, "text": "x", "reply_markup": keyboard(callback_data="é" * 33)},
        "BUTTON_DATA_INVALID",
    ),
    ("sendMessage", {"chat_id": ALICE, "text": "x", "reply_markup": keyboard(callback_data="")}, "BUTTON_DATA_INVALID"),
    (
        "sendMessage",
        {"chat_id": ALICE, "text": "x", "reply_markup": keyboard()},
        "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    ),
    (
        "sendMessage",
        {"chat_id": ALICE, "text": "x", "reply_markup": {"inline_keyboard": [[BUTTON] * 101]}},
        "reply markup is too long",
    ),
    (
        "sendMessage",
        {"chat_id": ALICE, "text": "x", "entities": [1]},
        "can't parse MessageEntity: Expected an Object with type, offset and length",
    ),
    ("sendPhoto", {"chat_id": ALICE}, "there is no photo in the request"),
    ("sendPhoto", {"chat_id": ALICE, "photo": "nonsense"}, "wrong file identifier/HTTP URL specified"),
    ("sendPhoto", {"chat_id": ALICE, "photo": "https://example.org/a.jpg"}, "failed to get HTTP URL content"),
    ("sendDocument", {"chat_id": ALICE}, "there is no document in the request"),
    ("sendMediaGroup", {"chat_id": ALICE}, 'parameter "media" is required'),
    ("sendMediaGroup", {"chat_id": ALICE, "media": []}, "there are no messages to send"),
    (
        "sendMediaGroup",
        {"chat_id": ALICE, "media": [{"type": "photo", "media": "x"}]},
        "an album must include 2-10 items",
    ),
    (
        "sendMediaGroup",
        {"chat_id": ALICE, "media": [{"type": "photo", "media": "x"}] * 11},
        "too many messages to send as an album",
    ),
    (
        "sendMediaGroup",
        {"chat_id": ALICE, "media": [{"type": "photo", "media": "attach://no"}] * 2},
        "can't parse InputMedia: media not found",
    ),
    ("sendChatAction", {"chat_id": ALICE, "action": "dancing"}, "wrong parameter action in request"),
    ("editMessageText", {"chat_id": ALICE, "text": "x"}, "message identifier is not specified"),
    ("editMessageText", {"chat_id": ALICE, "text": "x", "message_id": 99}, "message to edit not found"),
    ("editMessageText", {"chat_id": ALICE, "text": "x", "message_id": 1}, "message can't be edited"),
    (
        "editMessageText",
        {"chat_id": ALICE, "text": "joke", "message_id": 2, "reply_markup": {"inline_keyboard": [[BUTTON]]}},
        UNCHANGED,
    ),
    ("editMessageText", {"chat_id": ALICE, "text": "", "message_id": 2}, "message text is empty"),
    ("editMessageText", {"chat_id": ALICE, "text": "x" * 4097, "message_id": 2}, "message is too long"),
    (
        "editMessageReplyMarkup",
        {"chat_id": ALICE, "message_id": 2, "reply_markup": {"inline_keyboard": [[BUTTON]]}},
        UNCHANGED,
    ),
    (
        "editMessageCaption",
        {"chat_id": ALICE, "message_id": 2, "caption": "x"},
        "there is no caption in the message to edit",
    ),
    ("editMessageMedia", {"chat_id": ALICE, "message_id": 2}, "media is empty"),
    (
        "editMessageMedia",
        {"chat_id": ALICE, "message_id": 2, "media": {"type": "photo"}},
        "can't parse InputMedia: media not found",
    ),
    ("deleteMessage", {"chat_id": ALICE, "message_id": 99}, "message to delete not found"),
    ("deleteMessage", {"chat_id": ALICE}, "message identifier is not specified"),
    (
        "answerCallbackQuery",
        {"callback_query_id": "1"},
        "query is too old and response timeout expired or query ID is invalid",
    ),
    ("getFile", {}, "file_id not specified"),
    ("getFile", {"file_id": "nonsense"}, "wrong file_id or the file is temporarily unavailable"),
    ("getChat", {"chat_id": UNKNOWN}, "chat not found"),
    ("getChatMember", {"chat_id": ALICE, "user_id": UNKNOWN}, "PARTICIPANT_ID_INVALID"),
    ("getChatAdministrators", {"chat_id": ALICE}, "there are no administrators in the private chat"),
    ("setMyCommands", {"commands": [{"command": "Ä", "description": "x"}]}, "BOT_COMMAND_INVALID"),
    ("setMyCommands", {"commands": [{"command": "a", "description": ""}]}, "BOT_COMMAND_DESCRIPTION_INVALID"),
    ("setWebhook", {"url": "ftp://example.org"}, "bad webhook: invalid webhook URL specified"),
    (
        "setWebhook",
        {"url": "http://127.0.0.1:9", "secret_token": "no spaces"},
        "secret token contains unallowed characters",
    ),
]


@pytest.mark.parametrize(("method", "parameters", "reason"), REFUSED, ids=lambda value: str(value)[:40])
async def test_an_invalid_call_is_refused(sandbox, call, method, parameters, reason):
    sandbox.world.send_text(ALICE, ALICE, "a user's message")
    assert (await call("sendMessage", chat_id=ALICE, text="joke", reply_markup={"inline_keyboard": [[BUTTON]]}))[
        0
    ] == 200
    before = sandbox.world.messages(ALICE)
    expected = {"ok": False, "error_code": 400, "description": f"Bad Request: {reason}"}
    assert await call(method, **parameters) == (400, expected)
    assert sandbox.world.messages(ALICE) == before, "a refused call has no effect"
    assert sandbox.calls[-1].status == 400 and sandbox.calls[-1].description == expected["description"]


async def test_calls_at_the_limits_are_accepted(call):
    button = {"inline_keyboard": [[{"text": "x", "callback_data": "é" * 32}]]}
    for text in ("x" * 4096, "😂" * 2048, f"<b>{'x' * 4096}</b>"):
        assert (await call("sendMessage", chat_id=ALICE, text=text, parse_mode="HTML", reply_markup=button))[0] == 200
    lenient = {"message_id": 99, "allow_sending_without_reply": True}
    assert (await call("sendMessage", chat_id=ALICE, text="x", reply_parameters=lenient))[0] == 200


async def test_a_wrong_token_and_an_unknown_method(sandbox, http):
    for path, status, description in (
        ("bot1:x/getMe", 401, "Unauthorized"),
        (f"bot{sandbox.token}/sendLove", 404, "Not Found"),
        (f"file/bot{sandbox.token}/photos/file_9.jpg", 404, "Not Found"),
        ("file/bot1:x/photos/file_9.jpg", 401, "Unauthorized"),
    ):
        async with http.get(f"{sandbox.url}/{path}") as response:
            assert response.status == status
            assert await response.json() == {"ok": False, "error_code": status, "description": description}


async def test_parameters_in_each_encoding(sandbox, http):
    address = f"{sandbox.url}/bot{sandbox.token}/SENDmessage"
    form = aiohttp.FormData({"chat_id": str(ALICE), "text": "multipart"}, default_to_multipart=True)
    for sent in (
        http.get(address, params={"chat_id": ALICE, "text": "query"}),
        http.post(address, data={"chat_id": ALICE, "text": "form"}),
        http.post(address, json={"chat_id": ALICE, "text": "json"}),
        http.post(address, data=form),
    ):
        async with sent as response:
            assert (await response.json())["ok"] is True
    assert [message["text"] for message in sandbox.world.messages(ALICE)] == ["query", "form", "json", "multipart"]
    async with http.post(address, data=b"{", headers={"Content-Type": "application/json"}) as response:
        assert (response.status, (await response.json())["description"]) == (
            400,
            "Bad Request: can't parse JSON object",
        )


async def upload(sandbox, http, method, name, data, **fields):
    form = aiohttp.FormData(
        {key: value if isinstance(value, str) else json.dumps(value) for key, value in fields.items()}
    )
    form.add_field(name, data, filename="file", content_type="application/octet-stream")
    async with http.post(f"{sandbox.url}/bot{sandbox.token}/{method}", data=form) as response:
        return response.status, await response.json()


async def test_invalid_photos_are_refused(sandbox, http, picture):
    big = b"\xff\xd8\xff" + bytes(10 * 1024 * 1024)
    refused = [
        (big, f"file of size {len(big)} bytes is too big for a photo; the maximum size is 10485760 bytes"),
        (b"no picture at all", "IMAGE_PROCESS_FAILED"),
        (picture(2000, 2000)[:3000], "IMAGE_PROCESS_FAILED"),
        (picture(10_000, 1), "PHOTO_INVALID_DIMENSIONS"),
        (picture(6000, 4001), "PHOTO_INVALID_DIMENSIONS"),
        (b"", "file must be non-empty"),
    ]
    for data, reason in refused:
        status, answer = await upload(sandbox, http, "sendPhoto", "photo", data, chat_id=ALICE)
        assert (status, answer["description"]) == (400, f"Bad Request: {reason}")
    status, answer = await upload(sandbox, http, "sendPhoto", "photo", picture(), chat_id=ALICE, caption="x" * 1025)
    assert answer["description"] == "Bad Request: message caption is too long"
    mixed = [{"type": "photo", "media": "attach://a"}, {"type": "document", "media": "attach://a"}]
    status, answer = await upload(sandbox, http, "sendMediaGroup", "a", picture(), chat_id=ALICE, media=mixed)
    assert answer["description"] == "Bad Request: document can't be mixed with other media types"
    assert sandbox.world.messages(ALICE) == []
    assert (await upload(sandbox, http, "sendPhoto", "photo", picture(), chat_id=ALICE, caption="x" * 1024))[0] == 200


async def test_a_caption_can_be_edited_to_1024_characters_and_no_further(sandbox, http, call, picture):
    _, answer = await upload(sandbox, http, "sendPhoto", "photo", picture(), chat_id=ALICE, caption="x")
    message_id = answer["result"]["message_id"]
    edit = {"chat_id": ALICE, "message_id": message_id}
    assert (await call("editMessageText", text="y", **edit))[1][
        "description"
    ] == "Bad Request: there is no text in the message to edit"
    assert (await call("editMessageCaption", caption="x", **edit))[1]["description"] == f"Bad Request: {UNCHANGED}"
    assert (await call("editMessageCaption", caption="x" * 1025, **edit))[1][
        "description"
    ] == "Bad Request: message caption is too long"
    assert (await call("editMessageCaption", caption="x" * 1024, **edit))[0] == 200


async def test_files_over_20_mb_can_t_be_downloaded(sandbox, call):
    at_limit, over = bytes(20 * 1024 * 1024), bytes(20 * 1024 * 1024 + 1)
    for data, status in ((at_limit, 200), (over, 400)):
        message = sandbox.world.send_document(ALICE, ALICE, data, "big.bin", "application/octet-stream")
        got, answer = await call("getFile", file_id=message["document"]["file_id"])
        assert got == status
    assert answer["description"] == "Bad Request: file is too big"


async def test_an_upload_over_50_mb_is_refused(sandbox, http):
    status, answer = await upload(sandbox, http, "sendDocument", "document", bytes(50 * 1024 * 1024 + 1), chat_id=ALICE)
    assert (status, answer["error_code"], answer["description"]) == (413, 413, "Request Entity Too Large")


async def test_in_a_group_other_users_messages_can_t_be_deleted(sandbox, call):
    group = sandbox.world.group_id
    theirs = sandbox.world.send_text(ALICE, group, "mine")
    _, answer = await call("deleteMessage", chat_id=group, message_id=theirs["message_id"])
    assert answer["description"] == "Bad Request: message can't be deleted"


async def test_messages_to_a_user_who_blocked_the_bot_are_refused(sandbox, call):
    sandbox.world.block(ALICE)
    assert await call("sendMessage", chat_id=ALICE, text="x") == (
        403,
        {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"},
    )
    sandbox.world.block(ALICE, False)
    assert (await call("sendMessage", chat_id=ALICE, text="x"))[0] == 200


async def test_a_press_that_is_too_old_cannot_be_answered(call, sandbox):
    _, answer = await call("sendMessage", chat_id=ALICE, text="joke", reply_markup={"inline_keyboard": [[BUTTON]]})
    query_id = sandbox.world.press(ALICE, ALICE, answer["result"]["message_id"], "1")
    now = sandbox.world.clock()
    sandbox.world.clock = lambda: now + 31
    status, answer = await call("answerCallbackQuery", callback_query_id=query_id)
    assert (status, answer["description"]) == (
        400,
        "Bad Request: query is too old and response timeout expired or query ID is invalid",
    )
    assert await sandbox.world.wait_for_answer(query_id, timeout_s=0.05) is None


async def test_flood_limits_when_they_are_switched_on(http):
    async with Sandbox.running(flood_limits=FloodLimits()) as sandbox:
        sandbox.api.floods = FloodGuard(FloodLimits(), clock=lambda: 100.0)
        address = f"{sandbox.url}/bot{sandbox.token}/sendMessage"
        replies = []
        for chat_id in (1001, 1001, 1002, *[sandbox.world.group_id] * 21):
            async with http.post(address, json={"chat_id": chat_id, "text": "x"}) as response:
                replies.append((response.status, await response.json()))
    assert [status for status, _ in replies] == [200, 429, 200, *[200] * 20, 429]
    assert replies[1][1] == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 1",
        "parameters": {"retry_after": 1},
    }
    assert replies[-1][1]["parameters"] == {"retry_after": 60}


def test_thirty_calls_a_second_over_all_chats():
    now = [100.0]
    floods = FloodGuard(FloodLimits(), clock=lambda: now[0])
    for chat_id in range(1, 31):
        floods.check("sendmessage", chat_id)
    with pytest.raises(ApiError) as caught:
        floods.check("editmessagetext", 31)
    assert caught.value.retry_after == 1
    floods.check("answercallbackquery", 31)
    now[0] += 1
    floods.check("editmessagetext", 31)
