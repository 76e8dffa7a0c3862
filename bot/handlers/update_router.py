"""Passes each update to the first route that matches it, after the access check."""

from collections.abc import Sequence
from typing import Any

from telegram import Update
from telegram.ext import Application, TypeHandler

from bot.handlers.access import ACCESS_GROUP, AccessControl
from bot.handlers.command_menu import ADMIN_COMMANDS, COMMANDS, menu_commands
from bot.handlers.error_handler import ErrorReporter
from bot.handlers.routes import Route
from bot.telegram.dispatcher import RawUpdate, UpdatePostponed
from storage.write_retry import is_temporary

PtbApplication = Application[Any, Any, Any, Any, Any, Any]


class UpdateRouter:
    """Passes updates to the routes of a python-telegram-bot application, which has to be initialized first."""

    def __init__(
        self, application: PtbApplication, access: AccessControl, routes: Sequence[Route], errors: ErrorReporter
    ) -> None:
        self._application, self._errors = application, errors
        self._failed: set[int] = set()
        self._postponed: set[int] = set()
        add_routes(application, access, routes)
        application.add_error_handler(self._on_error)

    async def handle(self, raw: RawUpdate) -> bool:
        """Handle an update; whether that succeeded. Raises UpdatePostponed where its results can't be stored now."""
        update = Update.de_json(raw, self._application.bot)
        await self._application.process_update(update)
        if update.update_id in self._postponed:
            self._postponed.discard(update.update_id)
            raise UpdatePostponed("its results can't be stored now")
        failed = update.update_id in self._failed
        self._failed.discard(update.update_id)
        return not failed

    async def abandon(self, raw: RawUpdate) -> bool:
        """Apologise for an update that failed too often; it counts as failed."""
        await self._errors.abandon_update(Update.de_json(raw, self._application.bot))
        return False

    async def _on_error(self, update: Any, context: Any) -> None:
        if is_temporary(context.error):
            self._postponed.add(update.update_id)
            await self._errors.report_delay(update)
        elif await self._errors.report_error(update, context.error):
            self._failed.add(update.update_id)


def add_routes(application: PtbApplication, access: AccessControl, routes: Sequence[Route]) -> None:
    """Add the access check and all routes; the first route that matches gets the update.

    Raises ValueError where the routes' commands are not COMMANDS and ADMIN_COMMANDS.
    """
    if menu_commands(routes, for_admins=True) != [*COMMANDS, *ADMIN_COMMANDS]:
        raise ValueError("COMMANDS and ADMIN_COMMANDS have to name the commands of the routes, in their order")
    application.add_handler(TypeHandler(Update, access.check), ACCESS_GROUP)
    for route in routes:
        application.add_handler(route.handler)
