"""Constructs the handler classes, with the services that only they use, and lists their routes."""

from collections.abc import Sequence

from bot.chats.chat_parts import ChatParts
from bot.chats.daily_quota import DailyQuota
from bot.chats.group_admins import GroupAdmins
from bot.engine.fair_queue import FairQueue
from bot.engine.router import Router
from bot.handlers.admin.access_requests import AccessAdmin
from bot.handlers.admin.flags import FlagAdmin
from bot.handlers.admin.models import ModelAdmin
from bot.handlers.admin.retrain import RetrainAdmin
from bot.handlers.admin.review import ReviewAdmin
from bot.handlers.admin.status import StatusAdmin
from bot.handlers.admin.users import BanAdmin, UserListAdmin
from bot.handlers.admin_access import AdminAccess
from bot.handlers.album_joke import AlbumJokeHandlers
from bot.handlers.another_joke import AnotherJokeHandlers, StoredPhotoAccess
from bot.handlers.best import BestJokeHandlers
from bot.handlers.duel import DuelHandlers
from bot.handlers.duel_messages import DuelMessages
from bot.handlers.explain import ExplainHandlers
from bot.handlers.fallback import FallbackHandlers
from bot.handlers.flag import FlagHandlers
from bot.handlers.flag_notices import FlagNotices
from bot.handlers.flagged_messages import FlaggedMessages
from bot.handlers.forget import ForgetHandlers
from bot.handlers.help import HelpHandlers
from bot.handlers.joke_delivery import JokeDelivery
from bot.handlers.keyboards import JokeKeyboards
from bot.handlers.language import LanguageHandlers
from bot.handlers.membership import MembershipHandlers
from bot.handlers.photo import PhotoHandlers
from bot.handlers.privacy import PrivacyHandlers
from bot.handlers.rating import RatingHandlers, UnknownButtonHandlers
from bot.handlers.routes import HandlerGroup
from bot.handlers.settings import SettingsHandlers
from bot.handlers.settings_pages import SettingsPages
from bot.handlers.stats import StatsHandlers
from bot.handlers.stranger_gate import StrangerGate
from bot.handlers.streaming_reply import StreamingReplies
from bot.jokes.album_tracker import AlbumTracker
from bot.jokes.generator import JokeGenerator
from bot.jokes.judge_source import JudgeSource, StoredJudgeSource
from bot.jokes.moderation import Moderator
from bot.jokes.photo_intake import PhotoIntake
from bot.jokes.styles import StyleRotation
from bot.jokes.user_limiter import UserLimiter
from bot.messaging.access_notices import AccessNotices
from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.delay_notices import DelayNotices
from bot.messaging.messenger import Messenger
from bot.messaging.overflow_notices import OverflowNotices
from bot.monitoring.status_report import StatusReport
from bot.progress.judge_line import JudgeLine
from bot.progress.progress_line import ProgressLine
from bot.recognition.recogniser import Recogniser
from bot.retraining.orchestrator import RunOrchestrator
from bot.runtime.periodic import Periodic
from bot.telegram.coalescer import Coalescer
from configs.prompts import Prompts
from configs.settings import Settings
from storage.chat.hidden_votes import VoteRule
from storage.database import Database
from storage.media.decoder_pool import DecoderPool

MINUTE_S = 60.0


def make_joke_handlers(
    settings: Settings,
    messenger: Messenger,
    database: Database,
    prompts: Prompts,
    known: ChatParts,
    gate: StrangerGate,
    queue: FairQueue,
    router: Router,
    coalescer: Coalescer,
    albums: AlbumTracker,
    decoders: DecoderPool,
    access: AdminAccess,
    delays: DelayNotices,
    judges: JudgeSource,
    recogniser: Recogniser | None,
) -> tuple[Sequence[HandlerGroup], Sequence[HandlerGroup], Sequence[Periodic]]:
    """Handlers that make, rate and explain jokes, those of the remaining updates, whose routes come last, and jobs."""
    limits, max_photos = settings.limits, settings.limits.max_queued_photos_per_user
    write_access, chats = messenger.client.write_access, known.settings
    quota, limiter = DailyQuota(database, chats, known.access), UserLimiter(max_photos)
    keyboards, styles = _make_keyboards(settings, messenger, database, coalescer), StyleRotation(database, prompts)
    generator = JokeGenerator(
        database, settings, router, prompts, queue, judges, is_banned=known.bans.is_banned, recogniser=recogniser
    )
    photo_folder, moderator = settings.storage.photos, Moderator(settings.safety)
    intake = PhotoIntake(messenger.client, database, limits, photo_folder, decoders, moderator)
    overflow = OverflowNotices(messenger, coalescer, max_photos)
    replies = StreamingReplies(messenger, database, queue, delays, limits.edit_interval_s)
    delivery = JokeDelivery(messenger, database, chats, quota, generator, replies, prompts, settings)
    stored = StoredPhotoAccess(messenger, quota, limiter, intake, write_access)
    duel = (DuelMessages(messenger, database, chats), settings.duel, settings.safety)
    duels = DuelHandlers(messenger, database, generator, replies, router, quota, *duel)
    another = AnotherJokeHandlers(messenger, database, keyboards, chats, styles, stored, delivery)
    album_jokes = AlbumJokeHandlers(messenger, database, keyboards, albums, limiter, intake, styles, stored, delivery)
    photos = PhotoHandlers(
        settings, messenger, chats, quota, limiter, overflow, albums, intake, album_jokes, duels, delivery, write_access
    )
    explain = ExplainHandlers(messenger, database, chats, limiter, intake, generator, replies, limits, write_access)
    ratings = RatingHandlers(messenger, database, keyboards)
    usage, members = HelpHandlers(messenger, access, settings.joke.album_mode), MembershipHandlers(write_access, gate)
    last: list[HandlerGroup] = [FallbackHandlers(messenger, albums, photos, explain), UnknownButtonHandlers(messenger)]
    return [members, ratings, another, album_jokes, duels, usage, photos, explain], last, [keyboards.job()]


def _make_keyboards(
    settings: Settings, messenger: Messenger, database: Database, coalescer: Coalescer
) -> JokeKeyboards:
    votes = VoteRule(settings.joke.counts_after_votes, MINUTE_S * settings.joke.counts_after_minutes)
    return JokeKeyboards(messenger.client, database, coalescer, votes)


def make_flag_handlers(
    settings: Settings,
    messenger: Messenger,
    database: Database,
    known: ChatParts,
    coalescer: Coalescer,
    notifier: AdminNotifier,
    access: AdminAccess,
) -> Sequence[HandlerGroup]:
    """Handlers of 🚩 and of the admins' decisions about flagged jokes."""
    keyboards, group_admins = _make_keyboards(settings, messenger, database, coalescer), GroupAdmins(messenger.client)
    duels = DuelMessages(messenger, database, known.settings)
    messages = FlaggedMessages(messenger, database, known.settings, keyboards, duels)
    notices = FlagNotices(messenger, database, notifier, known.names, settings.storage)
    most = settings.safety.max_flags_per_day
    return [
        FlagHandlers(messenger, database, messages, notices, group_admins, access, most),
        FlagAdmin(messenger, database, access, messages, notices, known.bans, known.names, notifier),
    ]


def make_user_handlers(
    settings: Settings,
    messenger: Messenger,
    database: Database,
    prompts: Prompts,
    known: ChatParts,
    coalescer: Coalescer,
    access: AdminAccess,
    progress: ProgressLine,
    judges: StoredJudgeSource,
) -> Sequence[HandlerGroup]:
    """Handlers of the other commands for all users."""
    languages, chats, judge = known.languages, known.settings, JudgeLine(database, messenger.translator)
    pages = SettingsPages(messenger, database, languages, chats, prompts, settings.digest, settings.safety)
    return [
        BestJokeHandlers(messenger, database),
        StatsHandlers(messenger, database, access, progress, judge, settings.storage.directory),
        SettingsHandlers(messenger, chats, pages, coalescer),
        LanguageHandlers(messenger, database, languages),
        PrivacyHandlers(messenger, database, settings.retention, settings.backup),
        ForgetHandlers(messenger, database, settings.storage, known.names, languages, chats, judges),
    ]


def make_admin_handlers(
    settings: Settings,
    messenger: Messenger,
    database: Database,
    known: ChatParts,
    notices: AccessNotices,
    notifier: AdminNotifier,
    status: StatusReport,
    orchestrator: RunOrchestrator,
    access: AdminAccess,
) -> Sequence[HandlerGroup]:
    """Handlers of the admins' commands."""
    return [
        StatusAdmin(messenger, access, status.text),
        RetrainAdmin(messenger, database, access, orchestrator, settings),
        ReviewAdmin(messenger, database, access, settings),
        ModelAdmin(messenger, database, access, orchestrator.deployer),
        UserListAdmin(messenger, database, access, known.names),
        BanAdmin(messenger, access, known.names, known.bans, notifier),
        AccessAdmin(messenger, database, access, known.access, notices),
    ]
