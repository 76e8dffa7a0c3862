"""The control API: how the page, the demo and tests in other processes act as people.

Bodies and answers are JSON unless said otherwise; a mistake is 400 with `{"error": "…"}`. `message` is Telegram's
object.

    GET    /                      the chat page; its files lie beside it, also under /page/
    GET    /sandbox/state         {"bot": {…}, "people": [{"id", "name", "language_code"}], "chats": [{"id", "type",
        "title",
                                  "members": [ids]}], "messages": {chat_id: [message…]}, "commands": [{"command",
                                      "description"}],
                                  "menus": {"person/chat": what the person's menu shows there, where that isn't
                                      "commands"},
                                  "faults": [{"method", "kind", "times", "retry_after", "delay_s"}]}
    GET    /sandbox/events        WebSocket; each frame one event:
                                  {"type": "message" | "edit", "chat_id", "message"}
                                  {"type": "delete", "chat_id", "message_id", "message": {"message_id"}}
                                  {"type": "action", "chat_id", "action": "typing" | …}         sendChatAction
                                  {"type": "answer", "chat_id", "callback_query_id", "answer"}  answerCallbackQuery
                                  {"type": "person", "person"}   {"type": "chat", "chat"}
                                  {"type": "commands"}   {"type": "faults"}   what `state` says of them has changed
    POST   /sandbox/text          {"person", "chat", "text", "reply_to"?} → {"message"}
    POST   /sandbox/files         multipart: person, chat, kind = photo | document | sticker | animation | video |
        album,
                                  caption?, reply_to?, and the files → {"messages": […]}; several files that are not an
                                  album become one message each; the caption goes with the first; of an animation or a
                                  video a file named `thumbnail` (the field's name) is its thumbnail
    POST   /sandbox/press         {"person", "chat", "message_id", "data", "forged"?} → {"callback_query_id", "answer":
                                  {"text", "show_alert", …} | null}; waits up to 15 s for the bot's answer
    POST   /sandbox/person        {"name", "language_code"?} → {"person"}
    POST   /sandbox/group         {"title", "members": [ids]} → {"chat"}
    POST   /sandbox/block         {"person", "blocked"} → {}
    POST   /sandbox/faults        {"method"?, "kind", "times"?, "retry_after"?, "delay_s"?, "probability"?, "seed"?} →
        {}
    DELETE /sandbox/faults        → {}
    GET    /sandbox/samples       [{"name", "url"}]: pictures to try the bot with, where the sandbox was given some
    GET    /sandbox/file/{id}     the file's bytes with its content type; `?download=1` as an attachment
"""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ValidationError

from bot.sandbox import request_models
from bot.sandbox.api import BotApi
from bot.sandbox.errors import ApiError, SandboxError
from bot.sandbox.faults import FaultInjector
from bot.sandbox.page_files import page_file
from bot.sandbox.panel_proxy import PanelProxy
from bot.sandbox.parameters import CallParameters, UploadedFile
from bot.sandbox.telegram_objects import Message
from bot.sandbox.websocket_hub import WebSocketHub
from bot.sandbox.world import SandboxState

SHOWN_INLINE = ("image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4")
ANSWER_S = 15.0
MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")
B = TypeVar("B", bound=BaseModel)
Answer = dict[str, Any] | list[dict[str, Any]]


class ControlApi:
    """The routes above, for one world."""

    def __init__(
        self, world: SandboxState, faults: FaultInjector, api: BotApi, samples: dict[str, Path], panel: PanelProxy
    ) -> None:
        self.world = world
        self.pictures = samples
        self.failures = faults
        self.api = api
        self.panel = panel
        self.sockets = WebSocketHub(world.events)

    def add_routes(self, app: web.Application) -> None:
        """Put the routes into the server, the page's files last: they take every other name."""
        app.router.add_get("/sandbox/state", told(self.state))
        app.router.add_get("/sandbox/events", self.sockets.serve)
        for name in ("text", "files", "press", "person", "group", "block", "faults"):
            app.router.add_post(f"/sandbox/{name}", told(getattr(self, name)))
        app.router.add_delete("/sandbox/faults", told(self.clear_faults))
        app.router.add_get("/sandbox/samples", told(self.samples))
        app.router.add_get("/sandbox/samples/{name}", self.sample)
        app.router.add_get("/sandbox/file/{file_id}", self.file)
        self.panel.add_routes(app)
        app.router.add_get("/", page_file)
        app.router.add_get("/page/{name:.+}", page_file)
        app.router.add_get("/{name}", page_file)
        app.on_shutdown.append(self.sockets.close)

    async def state(self, request: web.Request) -> Answer:
        world = self.world
        return {
            "bot": world.bot_user(),
            "people": [person.summary() for person in world.people.values()],
            "chats": [chat.summary() for chat in world.chats.values()],
            "messages": {str(chat_id): world.messages(chat_id) for chat_id in world.chats},
            "commands": self.api.default_commands(),
            "menus": self.menus(),
            "panel": bool(self.panel.url),
            "faults": [fault.summary() for fault in self.failures.waiting],
        }

    def menus(self) -> dict[str, list[dict[str, str]]]:
        """Menus that differ from everybody's, by the person's and the chat's number."""
        world, usual = self.world, self.api.default_commands()
        found = {
            f"{person.id}/{chat.id}": self.api.menu(chat, person)
            for chat in world.chats.values()
            for person in map(world.person, chat.members)
        }
        return {place: menu for place, menu in found.items() if menu != usual}

    async def text(self, request: web.Request) -> Answer:
        body = await read(request, request_models.TextBody)
        return {"message": self.world.send_text(body.person, body.chat, body.text, body.reply_to)}

    async def files(self, request: web.Request) -> Answer:
        parameters = await CallParameters.read(request)
        small = parameters.uploads.pop("thumbnail", None)
        uploads = list(parameters.uploads.values())
        if not uploads:
            raise SandboxError("The request has no file.")
        caption, reply_to = parameters.text("caption") or None, parameters.integer("reply_to") or None
        person, chat, kind = parameters.integer("person"), parameters.integer("chat"), parameters.text("kind", "photo")
        if kind == "album":
            captions = [caption, *[None] * (len(uploads) - 1)]
            return {
                "messages": self.world.send_album(person, chat, [upload.data for upload in uploads], captions, reply_to)
            }
        return {
            "messages": [
                self._send(kind, person, chat, upload, small, caption if upload is uploads[0] else None, reply_to)
                for upload in uploads
            ]
        }

    def _send(
        self,
        kind: str,
        person: int,
        chat: int,
        upload: UploadedFile,
        small: UploadedFile | None,
        caption: str | None,
        reply_to: int | None,
    ) -> Message:
        world, data, thumbnail = self.world, upload.data, small.data if small else None
        if kind == "photo":
            return world.send_photo(person, chat, data, caption, reply_to)
        if kind == "document":
            return world.send_document(person, chat, data, upload.name, upload.mime_type, caption, reply_to)
        if kind == "sticker":
            return world.send_sticker(person, chat, data, reply_to)
        if kind == "animation":
            return world.send_animation(person, chat, data, thumbnail, caption, reply_to)
        if kind == "video":
            return world.send_video(person, chat, data, thumbnail, caption, reply_to)
        raise SandboxError(f"There is no kind of file {kind!r}.")

    async def press(self, request: web.Request) -> Answer:
        body = await read(request, request_models.PressBody)
        query_id = self.world.press(body.person, body.chat, body.message_id, body.data, body.forged)
        return {"callback_query_id": query_id, "answer": await self.world.answer(query_id, ANSWER_S)}

    async def person(self, request: web.Request) -> Answer:
        body = await read(request, request_models.UserBody)
        return {"person": self.world.add_person(body.name, body.language_code).summary()}

    async def group(self, request: web.Request) -> Answer:
        body = await read(request, request_models.GroupBody)
        return {"chat": self.world.chats[self.world.add_group(body.title, body.members)].summary()}

    async def block(self, request: web.Request) -> Answer:
        body = await read(request, request_models.BlockBody)
        self.world.block(body.person, body.blocked)
        return {}

    async def faults(self, request: web.Request) -> Answer:
        self.failures.add(**(await read(request, request_models.FaultBody)).model_dump())
        self.world.events.emit({"type": "faults"})
        return {}

    async def clear_faults(self, request: web.Request) -> Answer:
        self.failures.clear()
        self.world.events.emit({"type": "faults"})
        return {}

    async def samples(self, request: web.Request) -> Answer:
        return [{"name": name, "url": f"/sandbox/samples/{quote(name)}"} for name in self.pictures]

    async def sample(self, request: web.Request) -> web.StreamResponse:
        path = self.pictures.get(request.match_info["name"])
        return web.FileResponse(path) if path and path.is_file() else web.Response(status=404)

    async def file(self, request: web.Request) -> web.Response:
        """A person's file may hold anything, so only pictures and videos are shown by the browser, and nothing runs."""
        file = self.world.files.get(request.match_info["file_id"])
        data = await self.world.files.read(file) if file else None
        if file is None or data is None:
            return web.json_response({"error": "There is no such file any more."}, status=404)
        mime_type = file.mime_type if MEDIA_TYPE.fullmatch(file.mime_type) else "application/octet-stream"
        inline = mime_type in SHOWN_INLINE and "download" not in request.query
        name = quote(file.name or file.path.rpartition("/")[2])
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Content-Disposition": f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{name}",
            "Cache-Control": "private, max-age=3600",
        }
        return web.Response(body=data, content_type=mime_type, headers=headers)


def told(handler: Callable[[web.Request], Awaitable[Answer]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A handler whose answer becomes JSON, and whose SandboxError or Refusal becomes 400 with the reason."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(await handler(request))
        except (SandboxError, ApiError) as mistake:
            return web.json_response({"error": str(mistake)}, status=400)

    return handle


async def read(request: web.Request, kind: type[B]) -> B:
    """A POST's JSON body. Raises SandboxError where it is none of this kind."""
    try:
        return kind.model_validate_json(await request.read())
    except ValidationError as error:
        mistakes = [f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}" for mistake in error.errors()]
        raise SandboxError(f"The body is wrong: {'; '.join(mistakes)}") from None
