"""The control API, over HTTP."""

import asyncio
import json
import struct

import aiohttp
import pytest

from bot.sandbox.server import Sandbox

ALICE, BOB = 1001, 1002
KEYBOARD = {"inline_keyboard": [[{"text": "😂", "callback_data": "3"}]]}


@pytest.fixture(autouse=True)
def long_answer_timeout(monkeypatch):
    """Presses wait longer for their answer, for slow machines."""
    monkeypatch.setattr("bot.sandbox.control_api.ANSWER_TIMEOUT_S", 60.0)


@pytest.fixture
def control(sandbox, http):
    async def request(method, path, **options):
        async with http.request(method, f"{sandbox.url}/sandbox/{path}", **options) as response:
            return response.status, await response.json()

    return request


async def test_the_state_has_all_that_the_page_needs(sandbox, control, call):
    sandbox.world.send_text(ALICE, ALICE, "hi")
    await call("setMyCommands", commands=[{"command": "start", "description": "Begin"}])
    sandbox.faults.add("sendMessage", "429", times=3, retry_after=2)
    status, state = await control("GET", "state")
    assert status == 200
    assert state["bot"] == {"id": 123456, "is_bot": True, "first_name": "Jokebot", "username": "jokebot_sandbox_bot"}
    assert state["people"][2] == {"id": 1003, "name": "小明", "language_code": "zh"}
    assert [chat["type"] for chat in state["chats"]] == ["private", "private", "private", "supergroup"]
    assert state["chats"][3]["members"] == [1001, 1002, 1003]
    assert state["messages"][str(ALICE)][0]["text"] == "hi"
    assert state["commands"] == [{"command": "start", "description": "Begin"}]
    assert state["faults"] == [{"method": "sendMessage", "kind": "429", "times": 3, "retry_after": 2, "delay_s": 0.0}]


async def test_a_user_s_own_menu_is_reported_for_their_chat_only(control, call):
    default, admins = [{"command": "start", "description": "Begin"}], [{"command": "retrain", "description": "Learn"}]
    await call("setMyCommands", commands=default)
    await call("setMyCommands", commands=admins, scope={"type": "chat", "chat_id": ALICE})
    _, state = await control("GET", "state")
    assert (state["commands"], state["menus"]) == (default, {f"{ALICE}/{ALICE}": admins})
    await call("setMyCommands", commands=admins, language_code="zh")
    _, state = await control("GET", "state")
    assert state["menus"]["1003/1003"] == admins and "1002/1002" not in state["menus"]


async def test_events_are_pushed_as_they_happen(sandbox, http, control, call):
    async with http.ws_connect(f"{sandbox.url}/sandbox/events") as socket:

        async def event():
            return json.loads((await socket.receive(timeout=60)).data)

        sandbox.world.send_text(ALICE, ALICE, "hi")
        hello = await event()
        assert (hello["type"], hello["chat_id"], hello["message"]["text"]) == ("message", ALICE, "hi")
        await call("sendChatAction", chat_id=ALICE, action="typing")
        assert await event() == {"type": "action", "chat_id": ALICE, "action": "typing"}
        _, answer = await call("sendMessage", chat_id=ALICE, text="joke", reply_markup=KEYBOARD)
        joke = answer["result"]
        assert await event() == {"type": "message", "chat_id": ALICE, "message": joke}
        _, answer = await call(
            "editMessageText", chat_id=ALICE, message_id=joke["message_id"], text="better", reply_markup=KEYBOARD
        )
        assert await event() == {"type": "edit", "chat_id": ALICE, "message": answer["result"]}
        query_id = sandbox.world.press(ALICE, ALICE, joke["message_id"], "3")
        await call("answerCallbackQuery", callback_query_id=query_id, text="ok")
        assert (await event())["answer"]["text"] == "ok"
        await call("deleteMessage", chat_id=ALICE, message_id=joke["message_id"])
        gone = await event()
        assert (gone["type"], gone["message_id"]) == ("delete", joke["message_id"])
        await control("POST", "person", json={"name": "Zoë", "language_code": "fr"})
        assert await event() == {"type": "person", "person": {"id": 1004, "name": "Zoë", "language_code": "fr"}}
        await control("POST", "group", json={"title": "New", "members": [1004, ALICE]})
        assert (await event())["chat"]["title"] == "New"
        await control("POST", "faults", json={"kind": "500"})
        assert await event() == {"type": "faults"}


async def test_text_and_replies(sandbox, control):
    status, answer = await control("POST", "text", json={"person": ALICE, "chat": ALICE, "text": "/start"})
    message = answer["message"]
    assert (status, message["entities"][0]["type"]) == (200, "bot_command")
    _, answer = await control(
        "POST", "text", json={"person": ALICE, "chat": ALICE, "text": "so?", "reply_to": message["message_id"]}
    )
    assert answer["message"]["reply_to_message"]["text"] == "/start"
    assert len(sandbox.updates) == 2


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("photo", {"photo"}),
        ("document", {"document"}),
        ("sticker", {"sticker"}),
        ("animation", {"animation", "document"}),
        ("video", {"video"}),
    ],
)
async def test_each_kind_of_file(sandbox, control, http, picture, kind, fields):
    data = picture(kind="WEBP")
    form = aiohttp.FormData({"person": str(ALICE), "chat": str(ALICE), "kind": kind, "caption": "look"})
    form.add_field("files", data, filename="cat.webp", content_type="image/webp")
    status, answer = await control("POST", "files", data=form)
    (message,) = answer["messages"]
    assert status == 200 and fields <= set(message)
    assert message.get("caption") == (None if kind == "sticker" else "look")
    shape = message[kind]
    file_id = (shape[-1] if kind == "photo" else shape)["file_id"]
    async with http.get(f"{sandbox.url}/sandbox/file/{file_id}") as response:
        assert await response.read() == data
        assert response.content_type == ("video/mp4" if kind == "video" else "image/webp")


async def test_an_album_is_one_message_a_picture_under_one_id(control, picture):
    form = aiohttp.FormData({"person": str(ALICE), "chat": str(ALICE), "kind": "album", "caption": "both"})
    for color in ("red", "green", "blue"):
        form.add_field("files", picture(color=color), filename=f"{color}.jpg", content_type="image/jpeg")
    _, answer = await control("POST", "files", data=form)
    assert len({message["media_group_id"] for message in answer["messages"]}) == 1
    assert [message.get("caption") for message in answer["messages"]] == ["both", None, None]
    assert len({message["photo"][-1]["file_unique_id"] for message in answer["messages"]}) == 3


async def test_several_documents_become_a_message_each(control):
    form = aiohttp.FormData({"person": str(ALICE), "chat": str(ALICE), "kind": "document"})
    for name in ("a.txt", "b.txt"):
        form.add_field("files", name.encode(), filename=name, content_type="text/plain")
    _, answer = await control("POST", "files", data=form)
    assert [message["document"]["file_name"] for message in answer["messages"]] == ["a.txt", "b.txt"]


async def test_a_press_waits_for_the_bot_s_answer(sandbox, control, call):
    _, sent = await call("sendMessage", chat_id=ALICE, text="joke", reply_markup=KEYBOARD)
    press = {"person": ALICE, "chat": ALICE, "message_id": sent["result"]["message_id"], "data": "3"}
    pressing = asyncio.create_task(control("POST", "press", json=press))
    _, answer = await call("getUpdates", timeout=30)
    query = answer["result"][-1]["callback_query"]
    await call("answerCallbackQuery", callback_query_id=query["id"], text="Thanks", show_alert=True)
    status, answer = await pressing
    assert (status, answer["answer"]["text"], answer["answer"]["show_alert"]) == (200, "Thanks", True)
    status, answer = await control("POST", "press", json={**press, "data": "forged"})
    assert status == 400 and "no button" in answer["error"]


async def test_an_unanswered_press_gives_null(control, call, monkeypatch):
    monkeypatch.setattr("bot.sandbox.control_api.ANSWER_TIMEOUT_S", 0.05)
    _, sent = await call("sendMessage", chat_id=ALICE, text="joke", reply_markup=KEYBOARD)
    _, answer = await control(
        "POST", "press", json={"person": ALICE, "chat": ALICE, "message_id": sent["result"]["message_id"], "data": "3"}
    )
    assert answer["answer"] is None and answer["callback_query_id"]


async def test_users_groups_blocks_and_faults(sandbox, control, call):
    _, answer = await control("POST", "person", json={"name": "Zoë"})
    zoe = answer["person"]["id"]
    _, answer = await control("POST", "group", json={"title": "Two", "members": [zoe, BOB]})
    assert sandbox.world.send_text(zoe, answer["chat"]["id"], "hello")["chat"]["title"] == "Two"
    await control("POST", "block", json={"person": zoe})
    assert (await call("sendMessage", chat_id=zoe, text="x"))[0] == 403
    await control("POST", "faults", json={"method": "getMe", "kind": "429", "times": 2, "retry_after": 9})
    assert (await call("getMe"))[1]["parameters"] == {"retry_after": 9}
    assert (await control("DELETE", "faults"))[0] == 200
    assert (await call("getMe"))[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("text", {"person": 1, "chat": ALICE, "text": "x"}, "no person 1"),
        ("text", {"person": ALICE, "chat": BOB, "text": "x"}, "Alice is not in"),
        ("text", {"person": ALICE, "chat": 5, "text": "x"}, "no chat 5"),
        ("text", {"person": ALICE}, "chat: Field required"),
        ("text", {"person": ALICE, "chat": ALICE, "text": "x", "reply_to": 9}, "no message 9"),
        ("press", {"person": ALICE, "chat": ALICE, "message_id": 9, "data": "x"}, "no message 9"),
        ("group", {"title": "x", "members": []}, "at least one"),
        ("faults", {"kind": "fire"}, "no fault 'fire'"),
        ("files", {}, "no file"),
    ],
)
async def test_a_mistake_is_one_line(control, path, body, reason):
    status, answer = await control("POST", path, json=body)
    assert status == 400 and reason in answer["error"]


async def test_other_hosts_and_origins_are_refused(sandbox, http):
    port = sandbox.url.rpartition(":")[2]
    text = {"person": ALICE, "chat": ALICE, "text": "x"}
    for headers in (
        {"Host": "evil.example"},
        {"Host": f"evil.example:{port}"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        async with http.post(f"{sandbox.url}/sandbox/text", json=text, headers=headers) as response:
            assert response.status == 403, headers
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(f"{sandbox.url}/sandbox/events", headers=headers)
    assert sandbox.world.messages(ALICE) == []
    for headers in (
        {"Origin": sandbox.url},
        {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"},
        {"Host": f"[::1]:{port}"},
    ):
        async with http.post(f"{sandbox.url}/sandbox/text", json=text, headers=headers) as response:
            assert response.status == 200, headers


async def test_a_get_that_changes_something_is_refused_to_other_pages(sandbox, http):
    sandbox.world.send_text(ALICE, ALICE, "/start")
    url, port = f"{sandbox.url}/bot{sandbox.token}/sendMessage?chat_id={ALICE}&text=hi", sandbox.url.rpartition(":")[2]
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Referer": "https://evil.example/page"},
        {"Referer": "http://127.0.0.1:1/"},
        {"Referer": "http://["},
        {"Origin": "http://["},
    ):
        async with http.get(url, headers=headers) as response:
            assert response.status == 403, headers
    assert len(sandbox.world.messages(ALICE)) == 1
    for headers in ({}, {"Sec-Fetch-Site": "none"}, {"Referer": f"{sandbox.url}/", "Sec-Fetch-Site": "same-origin"}):
        async with http.get(url, headers=headers) as response:
            assert response.status == 200, headers
    async with http.get(f"http://127.0.0.1:{port}/", headers={"Referer": "https://docs.example/"}) as response:
        assert response.status == 200, "the page may be linked from anywhere"


ODD_FILES = {
    "weather.grb": b"GRIB\0\0\0\1" + bytes(50),
    "numbers.h5": b"\x89HDF\r\n\x1a\n" + bytes(50),
    "texture.dds": b"DDS "
    + struct.pack("<7I", 124, 0x1007, 64, 64, 256, 0, 0)
    + bytes(44)
    + struct.pack("<8I", 32, *[0] * 7),
    "notes.txt": b"no picture at all",
    "nothing.png": b"",
}


@pytest.mark.parametrize("kind", ["document", "photo", "sticker", "album", "animation", "video"])
@pytest.mark.parametrize("name", ODD_FILES)
async def test_a_file_that_is_no_picture_is_taken_as_a_document_and_refused_in_words_as_a_photo(control, name, kind):
    form = aiohttp.FormData({"person": str(ALICE), "chat": str(ALICE), "kind": kind})
    form.add_field("files", ODD_FILES[name], filename=name, content_type=f"image/{name[-3:]}")
    status, answer = await control("POST", "files", data=form)
    if kind in ("photo", "sticker", "album"):
        assert (status, answer["error"]) == (400, f"{name} is no picture; send it as a document.")
    else:
        assert status == 200 and "thumbnail" not in answer["messages"][0][kind]


async def test_a_user_s_file_never_runs_in_the_page(sandbox, http):
    message = sandbox.world.send_document(ALICE, ALICE, b"<script>alert(1)</script>", "x.html", "text/html")
    async with http.get(f"{sandbox.url}/sandbox/file/{message['document']['file_id']}") as response:
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in response.headers["Content-Security-Policy"]
    async with http.get(f"{sandbox.url}/sandbox/file/nothing") as response:
        assert response.status == 404


async def test_only_the_page_s_files_are_served(sandbox, http):
    async with http.get(f"{sandbox.url}/") as response:
        assert response.status == 200 and response.content_type == "text/html"
    for path in (
        "/page/..%2Fserver.py",
        "/page/../server.py",
        "/..%2F__init__.py",
        "/page/%2Fetc%2Fpasswd",
        "/nothing.js",
    ):
        async with http.get(aiohttp.client.URL(sandbox.url + path, encoded=True)) as response:
            assert response.status == 404, path


async def test_samples(tmp_path, http, picture):
    (tmp_path / "cat.jpg").write_bytes(picture())
    async with Sandbox.running(samples={"a cat": tmp_path / "cat.jpg"}) as sandbox:
        async with http.get(f"{sandbox.url}/sandbox/samples") as response:
            (sample,) = await response.json()
        assert sample == {"name": "a cat", "url": "/sandbox/samples/a%20cat"}
        async with http.get(aiohttp.client.URL(sandbox.url + sample["url"], encoded=True)) as response:
            assert await response.read() == picture() and response.content_type == "image/jpeg"
        async with http.get(f"{sandbox.url}/sandbox/samples/dog") as response:
            assert response.status == 404
