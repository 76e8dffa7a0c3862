"""Pushes events to the page's WebSockets."""

import asyncio
import json
from contextlib import suppress

from aiohttp import WSCloseCode, WSMsgType, web

from bot.sandbox.events import Event, EventStream

MAX_QUEUED_EVENTS = 10_000


class WebSocketHub:
    """All open sockets; each event is serialized once. A socket with a full queue is closed."""

    def __init__(self, events: EventStream) -> None:
        self._events = events
        self._queues: dict[web.WebSocketResponse, asyncio.Queue[str]] = {}

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Push events to this socket until it closes; its messages are ignored."""
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        if not self._queues:
            self._events.listeners.append(self._push)
        queue = self._queues[socket] = asyncio.Queue(MAX_QUEUED_EVENTS)
        sender = asyncio.create_task(self._send(socket, queue))
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            sender.cancel()
            self._queues.pop(socket, None)
            if not self._queues:
                self._events.listeners.remove(self._push)
        return socket

    async def close(self, app: web.Application) -> None:
        """Close every socket."""
        for socket in list(self._queues):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    def _push(self, event: Event) -> None:
        frame = json.dumps(event, ensure_ascii=False)
        for socket, queue in list(self._queues.items()):
            if queue.full():
                asyncio.ensure_future(socket.close(code=WSCloseCode.TRY_AGAIN_LATER))
            else:
                queue.put_nowait(frame)

    async def _send(self, socket: web.WebSocketResponse, queue: "asyncio.Queue[str]") -> None:
        with suppress(ConnectionError):
            while True:
                await socket.send_str(await queue.get())
