"""Constructs the handler classes, with the services that only they use, and lists their routes."""

from collections.abc import Sequence

from bot.chats.chat_parts import ChatParts
from bot.chats.chat_settings import ChatSettingsStore
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
from bot.handlers.oogiri import OogiriHandlers, RoundParts
from bot.handlers.oogiri_pictures import RoundPictures
from bot.handlers.oogiri_rounds import OogiriRounds
from bot.handlers.oogiri_schedule import OogiriSchedule
from bot.handlers.oogiri_start import RoundStarter
from bot.handlers.photo import PhotoHandlers
from bot.handlers.privacy import PrivacyHandlers
from bot.handlers.punchline import PunchlineHandlers
from bot.handlers.punchline_request import PunchlineRequests
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
from bot.jokes.pack_photos import PackPhotos
from bot.jokes.photo_intake import PhotoIntake
from bot.jokes.punchlines import PunchlineWriter
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
from bot.progress.round_line import RoundLine
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
    queue: FairQueue,
    router: Router,
    coalescer: Coalescer,
    albums: AlbumTracker,
    decoders: DecoderPool,
    access: AdminAccess,
    delays: DelayNotices,
    judges: JudgeSource,
) -> tuple[Sequence[HandlerGroup], Sequence[HandlerGroup], Sequence[Periodic]]:
    """Handlers that make and explain jokes and play, those of the remaining updates, which come last, and jobs."""
    write_access, chats, moderator = messenger.client.write_access, known.settings, Moderator(settings.safety)
    limits, max_photos = settings.limits, settings.limits.max_queued_photos_per_user
    quota, limiter = DailyQuota(database, chats, known.access), UserLimiter(max_photos)
    keyboards = _make_keyboards(settings, messenger, database, chats, coalescer)
    generator = JokeGenerator(database, settings, router, prompts, queue, judges, is_banned=known.bans.is_banned)
    intake = PhotoIntake(messenger.client, database, limits, settings.storage.photos, decoders, moderator)
    replies = StreamingReplies(messenger, database, queue, delays, limits.edit_interval_s)
    overflow, styles = OverflowNotices(messenger, coalescer, max_photos), StyleRotation(database, prompts)
    delivery = JokeDelivery(messenger, database, chats, quota, generator, replies, prompts, settings)
    stored = StoredPhotoAccess(messenger, quota, limiter, intake, write_access)
    duels = _make_duels(settings, messenger, database, chats, generator, replies, router, quota)
    another = AnotherJokeHandlers(messenger, database, keyboards, chats, styles, stored, delivery)
    album_jokes = AlbumJokeHandlers(messenger, database, keyboards, albums, limiter, intake, styles, stored, delivery)
    photos = PhotoHandlers(
        settings, messenger, chats, quota, limiter, overflow, albums, intake, album_jokes, duels, delivery, write_access
    )
    explain = ExplainHandlers(messenger, database, chats, limiter, intake, generator, replies, limits, write_access)
    shared = (settings, messenger, database, prompts, known, keyboards, moderator, coalescer, access)
    parts = (settings, database, decoders, moderator, intake, limiter, quota, generator)
    punchlines, oogiri, game_jobs = _make_games(*shared, _make_round_parts(*parts))
    usage = HelpHandlers(messenger, access, oogiri, settings.joke.album_mode)
    first = (another, album_jokes, duels, usage, photos, explain, punchlines, oogiri)
    last = FallbackHandlers(messenger, albums, photos, explain, punchlines), UnknownButtonHandlers(messenger)
    return first, last, [keyboards.job(), *game_jobs]


def _make_duels(
    settings: Settings,
    messenger: Messenger,
    database: Database,
    chats: ChatSettingsStore,
    generator: JokeGenerator,
    replies: StreamingReplies,
    router: Router,
    quota: DailyQuota,
) -> DuelHandlers:
    duel = (DuelMessages(messenger, database, chats), settings.duel, settings.safety)
    return DuelHandlers(messenger, database, generator, replies, router, quota, *duel)


def _make_round_parts(
    settings: Settings,
    database: Database,
    decoders: DecoderPool,
    moderator: Moderator,
    intake: PhotoIntake,
    limiter: UserLimiter,
    quota: DailyQuota,
    generator: JokeGenerator,
) -> RoundParts:
    """What rounds of Oogiri are made of, with the pack of pictures."""
    folder, max_bytes = settings.storage.photos, settings.limits.photo_bytes
    pack = PackPhotos(database, settings.oogiri.pack, folder, decoders, moderator, max_bytes)
    return RoundParts(intake, limiter, quota, generator, pack, RoundPictures(database, folder, decoders))


def _make_games(
    settings: Settings,
    messenger: Messenger,
    database: Database,
    prompts: Prompts,
    known: ChatParts,
    keyboards: JokeKeyboards,
    moderator: Moderator,
    coalescer: Coalescer,
    access: AdminAccess,
    parts: RoundParts,
) -> tuple[PunchlineHandlers, OogiriHandlers, Sequence[Periodic]]:
    """Handlers of users' punchlines and of rounds of Oogiri, and the jobs of those rounds."""
    chats, rules = known.settings, settings.punchlines
    duels = DuelMessages(messenger, database, chats)
    messages = FlaggedMessages(messenger, database, chats, keyboards, duels, known.bylines)
    writer = PunchlineWriter(database, settings, prompts, moderator)
    requests = PunchlineRequests(messenger, database, chats, messages, rules.per_day)
    course = OogiriRounds(messenger, database, chats, known.bylines, coalescer, parts.pictures, settings.oogiri)
    writing = (parts.quota, parts.generator, course, settings.oogiri)
    starter = RoundStarter(database, chats, *writing, gentle=settings.safety.gentle)
    schedule = OogiriSchedule(messenger, database, chats, known.access, parts.pack, starter, settings.oogiri)
    group_admins, limits = GroupAdmins(messenger.client), settings.limits
    rounds = (requests, group_admins, access, settings.oogiri, limits)
    oogiri = OogiriHandlers(messenger, database, parts, starter, course, *rounds)
    punchlines = PunchlineHandlers(messenger, database, chats, writer, known.bylines, requests, messages, course, rules)
    return punchlines, oogiri, [course.job(), schedule.job()]


def _make_keyboards(
    settings: Settings, messenger: Messenger, database: Database, chats: ChatSettingsStore, coalescer: Coalescer
) -> JokeKeyboards:
    votes = VoteRule(settings.joke.counts_after_votes, MINUTE_S * settings.joke.counts_after_minutes)
    better = settings.punchlines.per_day > 0
    return JokeKeyboards(messenger.client, database, chats, coalescer, votes, better=better)


def make_flag_handlers(
    settings: Settings,
    messenger: Messenger,
    database: Database,
    known: ChatParts,
    coalescer: Coalescer,
    notifier: AdminNotifier,
    access: AdminAccess,
) -> Sequence[HandlerGroup]:
    """Handlers of ratings, of 🚩 and of the admins' decisions about flagged jokes."""
    keyboards = _make_keyboards(settings, messenger, database, known.settings, coalescer)
    group_admins = GroupAdmins(messenger.client)
    duels = DuelMessages(messenger, database, known.settings)
    messages = FlaggedMessages(messenger, database, known.settings, keyboards, duels, known.bylines)
    notices = FlagNotices(messenger, database, notifier, known.names, settings.storage)
    most = settings.safety.max_flags_per_day
    return [
        RatingHandlers(messenger, database, keyboards),
        FlagHandlers(messenger, database, messages, notices, group_admins, access, most),
        FlagAdmin(messenger, database, access, messages, notices, known.bans, known.names, notifier),
    ]


def make_user_handlers(
    settings: Settings,
    messenger: Messenger,
    database: Database,
    prompts: Prompts,
    known: ChatParts,
    gate: StrangerGate,
    coalescer: Coalescer,
    access: AdminAccess,
    progress: ProgressLine,
    judges: StoredJudgeSource,
) -> Sequence[HandlerGroup]:
    """Handlers of the other commands for all users."""
    languages, chats, translator = known.languages, known.settings, messenger.translator
    judge, rounds = JudgeLine(database, translator), RoundLine(database, translator)
    pages = SettingsPages(messenger, database, languages, chats, prompts, settings)
    return [
        MembershipHandlers(messenger.client.write_access, gate),
        BestJokeHandlers(messenger, database, known.bylines),
        StatsHandlers(messenger, database, access, progress, judge, rounds, settings.storage.directory),
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
