"""The control API: the page, the demo and tests in other processes act as users through it.

Bodies and answers are JSON unless noted otherwise; an invalid request gives 400 with `{"error": "…"}`. `message` is
Telegram's Message object.

    GET    /                      the chat page; its files are beside it and under /page/
    GET    /sandbox/state         {"bot": {…}, "people": [{"id", "name", "language_code"}], "chats":
                                  [{"id", "type", "title", "members": [ids], "game"}],
                                  "messages": {chat_id: [message…]}, "commands": [{"command", "description"}],
                                  "menus": {"person/chat": the user's commands in the chat, if not "commands"},
                                  "faults": [{"method", "kind", "times", "retry_after", "delay_s"}]}
    GET    /sandbox/events        WebSocket; each frame one event:
                                  {"type": "message" | "edit", "chat_id", "message"}
                                  {"type": "delete", "chat_id", "message_id", "message": {"message_id"}}
                                  {"type": "action", "chat_id", "action": "typing" | …}         sendChatAction
                                  {"type": "force_reply", "chat_id", "message_id", "people": [ids]}
                                                        whose apps open a reply to the message
                                  {"type": "answer", "chat_id", "callback_query_id", "answer"}  answerCallbackQuery
                                  {"type": "person", "person"}   {"type": "chat", "chat"}
                                  {"type": "commands"}   {"type": "faults"}   read them again from `state`
    POST   /sandbox/text          {"person", "chat", "text", "reply_to"?} → {"message"}
    POST   /sandbox/files         multipart: person, chat, kind, caption?, reply_to?, and the files →
                                  {"messages": […]}; kind = photo | document | sticker | animation | video | album;
                                  files outside an album become one message each; the first gets the caption; the form
                                  field `thumbnail` holds the thumbnail of an animation or video
    POST   /sandbox/press         {"person", "chat", "message_id", "data", "forged"?} → {"callback_query_id", "answer":
                                  {"text", "show_alert", …} | null}; waits up to 15 s for the bot's answer
    POST   /sandbox/person        {"name", "language_code"?} → {"person"}
    POST   /sandbox/group         {"title", "members": [ids], "game"?} → {"chat"}; with "game" the page offers a round
    POST   /sandbox/block         {"person", "blocked"} → {}
    POST   /sandbox/faults        {"method"?, "kind", "times"?, "retry_after"?, "delay_s"?, "probability"?, "seed"?}
                                  → {}
    DELETE /sandbox/faults        → {}
    GET    /sandbox/samples       [{"name", "url"}]: pictures to try the bot with
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
from bot.sandbox.media import is_moving_sticker
from bot.sandbox.page_files import page_file
from bot.sandbox.panel_proxy import PanelProxy
from bot.sandbox.parameters import CallParameters, UploadedFile
from bot.sandbox.pictures import measure
from bot.sandbox.state import SandboxState
from bot.sandbox.telegram_objects import Message
from bot.sandbox.websocket_hub import WebSocketHub

INLINE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4")
ANSWER_TIMEOUT_S = 15.0
MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")
B = TypeVar("B", bound=BaseModel)
Answer = dict[str, Any] | list[dict[str, Any]]
ApiHandler = Callable[[web.Request], Awaitable[Answer]]


class ControlApi:
    """The handlers of these routes."""

    def __init__(
        self,
        world: SandboxState,
        faults: FaultInjector,
        api: BotApi,
        samples: dict[str, Path],
        panel: PanelProxy,
        is_demo: bool,
    ) -> None:
        self.world = world
        self.sample_files = samples
        self.injector = faults
        self.api = api
        self.panel = panel
        self.is_demo = is_demo
        self.sockets = WebSocketHub(world.events)

    def add_routes(self, app: web.Application) -> None:
        """Add the routes to the server; the page's files come last, because their route matches every name."""
        app.router.add_get("/sandbox/state", json_answer(self.state))
        app.router.add_get("/sandbox/events", self.sockets.serve)
        for name in ("text", "files", "press", "person", "group", "block", "faults"):
            app.router.add_post(f"/sandbox/{name}", json_answer(getattr(self, name)))
        app.router.add_delete("/sandbox/faults", json_answer(self.clear_faults))
        app.router.add_get("/sandbox/samples", json_answer(self.samples))
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
            "people": [user.summary() for user in world.users.values()],
            "chats": [chat.summary() for chat in world.chats.values()],
            "messages": {str(chat_id): world.messages(chat_id) for chat_id in world.chats},
            "commands": self.api.default_commands(),
            "menus": self.menus(),
            "panel": bool(self.panel.url),
            "demo": self.is_demo,
            "faults": [fault.summary() for fault in self.injector.waiting],
        }

    def menus(self) -> dict[str, list[dict[str, str]]]:
        """Menus that differ from the default commands, by "user id/chat id"."""
        world, default = self.world, self.api.default_commands()
        menus = {
            f"{user.id}/{chat.id}": self.api.menu(chat, user)
            for chat in world.chats.values()
            for user in map(world.user, chat.members)
        }
        return {key: menu for key, menu in menus.items() if menu != default}

    async def text(self, request: web.Request) -> Answer:
        body = await read_body(request, request_models.TextBody)
        return {"message": self.world.send_text(body.person, body.chat, body.text, body.reply_to)}

    async def files(self, request: web.Request) -> Answer:
        parameters = await CallParameters.read(request)
        thumbnail = parameters.uploads.pop("thumbnail", None)
        uploads = list(parameters.uploads.values())
        if not uploads:
            raise SandboxError("The request has no file.")
        caption, reply_to = parameters.text("caption") or None, parameters.integer("reply_to") or None
        user, chat, kind = parameters.integer("person"), parameters.integer("chat"), parameters.text("kind", "photo")
        if kind == "album":
            for upload in uploads:
                refuse_no_picture(upload)
            captions = [caption, *[None] * (len(uploads) - 1)]
            return {
                "messages": self.world.send_album(user, chat, [upload.data for upload in uploads], captions, reply_to)
            }
        return {
            "messages": [
                self._send(kind, user, chat, upload, thumbnail, caption if upload is uploads[0] else None, reply_to)
                for upload in uploads
            ]
        }

    def _send(
        self,
        kind: str,
        user: int,
        chat: int,
        upload: UploadedFile,
        thumbnail: UploadedFile | None,
        caption: str | None,
        reply_to: int | None,
    ) -> Message:
        world, data, small = self.world, upload.data, thumbnail.data if thumbnail else None
        if kind in ("photo", "sticker"):
            refuse_no_picture(upload, moving=kind == "sticker")
        if kind == "photo":
            return world.send_photo(user, chat, data, caption, reply_to)
        if kind == "document":
            return world.send_document(user, chat, data, upload.name, upload.mime_type, caption, reply_to)
        if kind == "sticker":
            return world.send_sticker(user, chat, data, reply_to)
        if kind == "animation":
            return world.send_animation(user, chat, data, small, caption, reply_to)
        if kind == "video":
            return world.send_video(user, chat, data, small, caption, reply_to)
        raise SandboxError(f"There is no kind of file {kind!r}.")

    async def press(self, request: web.Request) -> Answer:
        body = await read_body(request, request_models.PressBody)
        query_id = self.world.press(body.person, body.chat, body.message_id, body.data, body.forged)
        return {"callback_query_id": query_id, "answer": await self.world.wait_for_answer(query_id, ANSWER_TIMEOUT_S)}

    async def person(self, request: web.Request) -> Answer:
        body = await read_body(request, request_models.UserBody)
        return {"person": self.world.add_user(body.name, body.language_code).summary()}

    async def group(self, request: web.Request) -> Answer:
        body = await read_body(request, request_models.GroupBody)
        return {"chat": self.world.chats[self.world.add_group(body.title, body.members, game=body.game)].summary()}

    async def block(self, request: web.Request) -> Answer:
        body = await read_body(request, request_models.BlockBody)
        self.world.block(body.person, body.blocked)
        return {}

    async def faults(self, request: web.Request) -> Answer:
        self.injector.add(**(await read_body(request, request_models.FaultBody)).model_dump())
        self.world.events.emit({"type": "faults"})
        return {}

    async def clear_faults(self, request: web.Request) -> Answer:
        self.injector.clear()
        self.world.events.emit({"type": "faults"})
        return {}

    async def samples(self, request: web.Request) -> Answer:
        return [{"name": name, "url": f"/sandbox/samples/{quote(name)}"} for name in self.sample_files]

    async def sample(self, request: web.Request) -> web.StreamResponse:
        path = self.sample_files.get(request.match_info["name"])
        return web.FileResponse(path) if path and path.is_file() else web.Response(status=404)

    async def file(self, request: web.Request) -> web.Response:
        """Serve a file; only pictures and videos are shown inline, because a user's file may contain scripts."""
        file = self.world.files.get(request.match_info["file_id"])
        data = await self.world.files.read(file) if file else None
        if file is None or data is None:
            return web.json_response({"error": "This file no longer exists."}, status=404)
        mime_type = file.mime_type if MEDIA_TYPE.fullmatch(file.mime_type) else "application/octet-stream"
        inline = mime_type in INLINE_TYPES and "download" not in request.query
        name = quote(file.name or file.path.rpartition("/")[2])
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Content-Disposition": f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{name}",
            "Cache-Control": "private, max-age=3600",
        }
        return web.Response(body=data, content_type=mime_type, headers=headers)


def refuse_no_picture(upload: UploadedFile, *, moving: bool = False) -> None:
    """Raises SandboxError for a file that Telegram's apps can't send as a photo, or as a sticker if it is `moving`."""
    if measure(upload.data) is None and not (moving and is_moving_sticker(upload.data)):
        raise SandboxError(f"{upload.name} is no picture; send it as a document.")


def json_answer(
    handler: Callable[[web.Request], Awaitable[Answer]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Wrap a handler: its answer becomes JSON, SandboxError and ApiError become 400 with the reason."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(await handler(request))
        except (SandboxError, ApiError) as error:
            return web.json_response({"error": str(error)}, status=400)

    return handle


async def read_body(request: web.Request, kind: type[B]) -> B:
    """Parse a POST's JSON body. Raises SandboxError if it is invalid."""
    try:
        return kind.model_validate_json(await request.read())
    except ValidationError as error:
        details = [f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in error.errors()]
        raise SandboxError(f"The body is wrong: {'; '.join(details)}") from None
