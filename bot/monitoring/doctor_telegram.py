"""The doctor's checks of the bot at Telegram: its token, its webhook, who may use it, the bot of its data."""

from bot.chats.access_list import describe_access
from bot.monitoring.doctor_finding import DoctorFinding
from configs.settings import Settings
from storage.chat.bots import read_bot_id

COPY_AGAIN = "copy it again from @BotFather; it looks like 123456:ABC…"


async def check_token(settings: Settings) -> list[DoctorFinding]:
    """Check the token: ask Telegram for the bot's name."""
    token = settings.telegram.token.get_secret_value()
    if not token:
        return [
            DoctorFinding(
                "bad",
                "token",
                "no bot token is set",
                "`jokebot setup` asks for it, or set JOKEBOT_TELEGRAM_TOKEN (`make demo` needs none)",
            )
        ]
    if not settings.telegram.has_token_form:
        return [DoctorFinding("bad", "token", "JOKEBOT_TELEGRAM_TOKEN is no bot token", COPY_AGAIN)]
    from telegram.error import InvalidToken, TelegramError

    from bot.telegram.identity import fetch_bot_user

    try:
        user = await fetch_bot_user(settings.telegram)
        return [DoctorFinding("ok", "token", f"Telegram knows the bot as @{user.username}")]
    except InvalidToken:
        return [DoctorFinding("bad", "token", "Telegram refuses the token", COPY_AGAIN)]
    except TelegramError as error:
        message = str(error).replace(token, "…")
        return [
            DoctorFinding(
                "bad",
                "telegram",
                f"{settings.telegram.base_url} does not answer: {message}",
                "check the network, or name a proxy in JOKEBOT_TELEGRAM_PROXY",
            )
        ]


async def check_webhook(settings: Settings) -> list[DoctorFinding]:
    """Check the settings of the webhook mode."""
    telegram = settings.telegram
    if telegram.mode == "polling":
        return []
    if not telegram.webhook_url.startswith("https://"):
        return [
            DoctorFinding(
                "bad",
                "webhook",
                "the webhook's address is missing or not https",
                "set JOKEBOT_TELEGRAM_WEBHOOK_URL to the public https address of your reverse proxy",
            )
        ]
    if not telegram.webhook_secret.get_secret_value():
        return [
            DoctorFinding(
                "bad",
                "webhook",
                "no webhook secret is set",
                "set JOKEBOT_TELEGRAM_WEBHOOK_SECRET to a long random word (letters, digits, _ and -)",
            )
        ]
    return [DoctorFinding("ok", "webhook", f"{telegram.webhook_url} → {telegram.webhook_listen}")]


async def check_access(settings: Settings) -> list[DoctorFinding]:
    """Tell who may use the bot. It is bad if no user may, and no admin could let one in."""
    access, admins = settings.access, settings.telegram.admins
    if admins or access.strangers != "ask":
        return [DoctorFinding("ok", "access", describe_access(access, admins))]
    known = access.users or access.chats
    return [
        DoctorFinding(
            "note" if known else "bad",
            "access",
            "no admin is configured, so strangers can't be let in",
            "`jokebot setup` makes you the admin, or set JOKEBOT_TELEGRAM_ADMINS to your Telegram id; or open it to "
            "everybody with JOKEBOT_ACCESS_STRANGERS=allow",
        )
    ]


def check_bot_of_database(settings: Settings) -> list[DoctorFinding]:
    """Tell if the database belongs to another bot than the token's."""
    bot_id, token_id = read_bot_id(settings.storage.database), settings.telegram.bot_id
    if bot_id is None or token_id is None or bot_id == token_id:
        return []
    return [
        DoctorFinding(
            "note",
            "database",
            f"it belongs to bot {bot_id}, and the token is of bot {token_id}; jokes, ratings and photos stay, but "
            "buttons under the other bot's messages stop working",
            "if that is a mistake, set the other token, or another folder in JOKEBOT_STORAGE_DIRECTORY",
        )
    ]
