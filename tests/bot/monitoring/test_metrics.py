"""The metrics over HTTP, from a running bot."""

import asyncio
import logging
import math
import re
import socket
import subprocess
import sys

import aiohttp
import pytest

from bot.app import App
from bot.chats.bans import BanList
from bot.engine.fair_queue import FairQueue
from bot.engine.router import ServedModel
from bot.engine.servers.external import ExternalServers
from bot.engine.stub.engine import StubReply
from bot.maintenance import backup_job
from bot.maintenance.backup_job import BackupJob
from bot.monitoring import alert_checks, metrics
from bot.monitoring.metric_families import round_families, run_families
from bot.monitoring.metrics import ALERTS, MetricsServer, MetricsSnapshot, exposition
from configs.errors import SettingsError
from configs.settings import ROOT, Settings
from storage.chat.alerts import Alert
from storage.chat.metrics import LatencyHistogram, RunCounts
from storage.chat.round_wins import ModelWinRate, WinRate, WinRates
from storage.learning import promotion, runs
from storage.learning.models import Model, register_base
from storage.learning.runs import UNFINISHED

SAMPLE = re.compile(r'(?P<name>[a-z_]+)(?:\{(?P<labels>(?:[a-z]+="(?:[^"\\\n]|\\.)*",?)*)\})? (?P<value>\S+)')
ON = {"listen": "127.0.0.1:0"}


async def get(app: App, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(app.metrics.url + path) as response:
        return response.status, await response.text()


async def scrape(app: App) -> dict[str, float]:
    """All samples by `name{labels}`, after a check of every line's format."""
    status, text = await get(app, "/metrics")
    assert status == 200 and text.endswith("\n")
    samples, declared = {}, set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            declared.add(line.split()[2])
        elif not line.startswith("# HELP "):
            found = SAMPLE.fullmatch(line)
            assert found and {found["name"], re.sub("_(bucket|sum|count)$", "", found["name"])} & declared, line
            samples[line.rsplit(" ", 1)[0]] = float(found["value"])
    return samples


async def scrape_until(app: App, name: str, value: float) -> dict[str, float]:
    for _ in range(3000):
        samples = await scrape(app)
        if samples.get(name) == value:
            return samples
        await asyncio.sleep(0.02)
    raise TimeoutError(f"{name} is not {value}: {samples}")


async def test_jokes_are_counted_with_their_latency(stage_with):
    stage = await stage_with(metrics=ON)
    assert (await scrape(stage.app))["jokebot_queue_waiting"] == 0
    for _ in range(3):
        await stage.joke(stage.send_photo())
    samples = await scrape_until(stage.app, 'jokebot_jokes_total{model="base"}', 3)
    buckets = [
        value
        for name, value in samples.items()
        if name.startswith("jokebot_joke_latency_seconds_bucket{le=") and 'model="base"' in name
    ]
    assert (
        buckets == sorted(buckets) and buckets[-1] == 3 == samples['jokebot_joke_latency_seconds_count{model="base"}']
    )
    total = await stage.value("SELECT sum(latency_s) FROM jokes")
    assert math.isclose(samples['jokebot_joke_latency_seconds_sum{model="base"}'], total)
    assert samples["jokebot_start_time_seconds"] > 1.7e9


async def test_ratings_are_counted_by_value_as_they_stand(stage_with):
    stage = await stage_with(metrics=ON)
    joke = await stage.joke(stage.send_photo(chat=stage.group, caption=f"@{stage.app.client.username}"))
    await stage.press(joke, 0)
    await stage.press(joke, 0, person=stage.bob)
    await scrape_until(stage.app, 'jokebot_ratings{model="base",value="3"}', 2)
    await stage.press(joke, 2, person=stage.bob)
    samples = await scrape_until(stage.app, 'jokebot_ratings{model="base",value="3"}', 1)
    assert samples['jokebot_ratings{model="base",value="1"}'] == 1


async def test_the_queue_and_the_inbox_are_seen_while_photos_wait(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate), metrics=ON, engine={"in_flight": 1})
    photos = [stage.send_photo() for _ in range(3)]
    await scrape_until(stage.app, "jokebot_queue_waiting", 2)
    # One answer's figures are read one after another; only the next is sure to be later than all of these photos.
    samples = await scrape(stage.app)
    assert samples["jokebot_queue_in_flight"] == 1 and samples["jokebot_inbox_pending"] == 3
    gate.set()
    for photo in photos:
        await stage.joke(photo)
    await stage.quiet()
    samples = await scrape(stage.app)
    assert (
        samples["jokebot_queue_waiting"] == samples["jokebot_queue_in_flight"] == samples["jokebot_inbox_pending"] == 0
    )


async def test_servers_versions_and_a_pause_are_seen(stage_with):
    stage = await stage_with(metrics=ON)
    samples = await scrape(stage.app)
    assert (
        samples['jokebot_servers{model="base",state="given"}'] == 1
        and samples['jokebot_server_restarts{model="base"}'] == 0
    )
    assert samples['jokebot_model_share{model="base"}'] == 1 and samples["jokebot_paused"] == 0
    router = stage.app.servers.router
    router.set_canary(ServedModel(await register_base(stage.app.database, "canary", None), router.champion.client), 0.1)
    samples = await scrape(stage.app)
    assert samples['jokebot_model_share{model="canary"}'] == 0.1 and samples['jokebot_model_share{model="base"}'] == 0.9


async def test_an_engine_without_models_is_down_and_the_bot_healthy(stage_with):
    stage = await stage_with(metrics=ON)
    assert (await scrape(stage.app))["jokebot_engine_up"] == 1
    stage.engine.models.clear()
    assert (await scrape(stage.app))["jokebot_engine_up"] == 0
    assert await get(stage.app, "/health") == (200, "ok\n")
    assert (await get(stage.app, "/elsewhere"))[0] == 404


async def test_a_restarted_bot_counts_what_was_before(stage_with):
    stage = await stage_with(metrics=ON)
    await stage.joke(stage.send_photo())
    await stage.quiet()
    told = LatencyHistogram((1.0,))
    await told.catch_up(stage.app.database)
    await told.catch_up(stage.app.database)
    assert told.jokes == {"base": 1} and told.within == {"base": [1]}


async def test_jokes_that_take_the_place_of_deleted_ones_are_counted(stage_with):
    stage = await stage_with(metrics=ON)
    await stage.joke(stage.send_photo())
    await scrape_until(stage.app, 'jokebot_jokes_total{model="base"}', 1)
    async with stage.app.database.write() as connection:
        await connection.execute("DELETE FROM jokes")
    await scrape(stage.app)
    await stage.joke(stage.send_photo())
    await scrape_until(stage.app, 'jokebot_jokes_total{model="base"}', 2)


async def test_the_format_is_the_one_that_every_prometheus_reads(stage_with):
    stage = await stage_with(metrics=ON)
    async with aiohttp.ClientSession() as session, session.get(stage.app.metrics.url + "/metrics") as response:
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        kinds = set(re.findall(r"^# TYPE jokebot_(\w+ \w+)$", await response.text(), re.MULTILINE))
    assert {"jokes_total counter", "joke_latency_seconds histogram", "ratings gauge", "errors_total counter"} <= kinds


def test_the_bot_starts_without_the_library_of_the_monitor():
    """Its import takes 30 ms, so only a scrape imports it."""
    code = "import sys, bot.app; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


async def test_without_the_setting_nothing_listens(stage):
    assert stage.app.metrics is None and Settings().metrics.listen == ""


async def test_a_taken_port_or_a_strange_address_ends_the_start_in_one_line(tmp_path):
    queue, servers = (
        FairQueue(1, 1, 1),
        ExternalServers(Settings(), Model(1, "base", "champion", None, None, None, None, "{}", 0.0)),
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for address in (f"127.0.0.1:{taken.getsockname()[1]}", "nonsense", "127.0.0.1:99999"):
            settings = Settings(storage={"directory": tmp_path}, metrics={"listen": address})
            with pytest.raises(SettingsError, match="JOKEBOT_METRICS_LISTEN"):
                await MetricsServer.start(settings, queue, servers)


def test_a_name_can_not_break_the_format():
    told = LatencyHistogram((1.0,))
    told.jokes['x"} 1\nfake 2'], told.seconds['x"} 1\nfake 2'], told.within['x"} 1\nfake 2'] = 1, 0.5, [1]
    text, _ = exposition(
        MetricsSnapshot([("ratings", "gauge", "Ratings.", {(("model", 'a"b\\c\nd'),): 1})], told, told.jokes)
    )
    first, *lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
    assert r"a\"b\\c\nd" in first and SAMPLE.fullmatch(first)
    assert len(lines) == 4 and all(SAMPLE.fullmatch(line) for line in lines)


async def test_where_a_run_is_and_how_runs_ended(stage_with):
    stage = await stage_with(metrics=ON)
    await stage.app.schedule.stop()
    samples = await scrape(stage.app)
    assert samples['jokebot_run_state{state="none"}'] == 1 and "jokebot_last_run_timestamp_seconds" not in samples
    run = await runs.create_run(stage.app.database, "command")
    run = await promotion.end_run(stage.app.database, run, "failed", "")
    samples = await scrape(stage.app)
    assert (
        samples['jokebot_runs_total{outcome="failed"}'] == 1 and samples['jokebot_runs_total{outcome="promoted"}'] == 0
    )
    assert samples["jokebot_last_run_timestamp_seconds"] == run.finished_at
    assert sum(value for name, value in samples.items() if name.startswith("jokebot_run_state")) == 1


def test_every_state_of_a_run_has_its_sample():
    for state in (*UNFINISHED, None):
        samples = run_families(RunCounts({}, state, None))[0][3]
        assert len(samples) == len(UNFINISHED) + 1
        assert [labels for labels, value in samples.items() if value] == [(("state", state or "none"),)]


async def test_errors_backups_bans_and_the_disk_are_seen(stage_with, monkeypatch):
    monkeypatch.setattr(backup_job, "START_S", 0.0)
    stage = await stage_with(metrics=ON)
    before = (await scrape(stage.app))["jokebot_errors_total"]
    logging.getLogger("somewhere").error("a mistake")
    await stage.part(BanList).ban(stage.bob, by=stage.alice)
    assert (await scrape(stage.app))["jokebot_errors_total"] > before
    await stage.until(lambda: any(stage.settings.backup_folder.glob("jokebot-*/backup.json")))
    samples = await scrape(stage.app)
    assert (
        samples["jokebot_banned_people"] == 1
        and samples["jokebot_database_bytes"] > 4096
        and samples["jokebot_disk_free_bytes"] > 0
    )
    assert samples["jokebot_last_backup_timestamp_seconds"] > 1.7e9


async def test_what_admins_were_told_of_and_lasts_is_seen(stage_with):
    stage = await stage_with(metrics=ON)
    assert set(
        alert_checks.AlertChecks(
            stage.settings, stage.app.database, stage.app.servers, stage.app.client, stage.part(BackupJob), 0.0
        ).enabled_checks()
    ) <= set(ALERTS)
    assert (await scrape(stage.app))['jokebot_alert{what="engine"}'] == 0
    stage.app.alerts.lasting["engine"] = Alert(0, "engine", "{}", 0.0)
    stage.app.alerts.lasting["job:erasure"] = Alert(0, "job:erasure", "{}", 0.0)
    samples = await scrape(stage.app)
    assert samples['jokebot_alert{what="engine"}'] == samples['jokebot_alert{what="job"}'] == 1


async def test_old_models_have_no_figures_of_their_own(stage_with, monkeypatch):
    monkeypatch.setattr(metrics, "MAX_MODELS", 2)
    stage = await stage_with(metrics=ON)
    await stage.joke(stage.send_photo())
    await scrape_until(stage.app, 'jokebot_jokes_total{model="base"}', 1)
    for number in range(3):
        other = await register_base(stage.app.database, f"later-{number}", None)
        async with stage.app.database.write() as connection:
            await connection.execute(
                "INSERT INTO jokes (photo_id, model_id, person_id, language, style, prompt, text, temperature, top_p, "
                "max_tokens, latency_s, created_at) SELECT photo_id, ?, person_id, language, style, prompt, text, "
                "temperature, top_p, max_tokens, latency_s, created_at FROM jokes WHERE model_id = 1 LIMIT 1",
                (other.id,),
            )
    samples = await scrape_until(stage.app, 'jokebot_jokes_total{model="later-2"}', 1)
    assert 'jokebot_jokes_total{model="later-1"}' in samples and 'jokebot_jokes_total{model="base"}' in samples
    assert not [name for name in samples if "later-0" in name]


async def test_the_page_and_the_example_rules_name_what_there_is_and_nothing_else(stage_with):
    stage = await stage_with(metrics=ON)
    _, text = await get(stage.app, "/metrics")
    there = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    page = (ROOT / "docs" / "deploy" / "metrics.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(jokebot_\w+)", page, re.MULTILINE)) == there
    rules = (ROOT / "configs" / "deploy" / "prometheus-alerts.yml").read_text(encoding="utf-8")
    used = {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"\bjokebot_\w+", rules)}
    assert used <= there and len(used) > 8


def test_the_win_rate_against_people_is_by_model_and_silent_with_too_few_rounds():
    rows = (
        ModelWinRate(2, "newer", 3, None),
        ModelWinRate(1, "base", 9, WinRate(0.5, 0.25, 0.75, 9)),
        ModelWinRate(0, "old", 9, WinRate(0.5, 0.25, 0.75, 9)),
    )
    text = exposition(
        MetricsSnapshot(round_families(WinRates(21, None, rows), {"newer", "base"}), LatencyHistogram((1.0,)), ())
    )[0].decode()
    assert 'jokebot_oogiri_rounds{model="newer"} 3.0' in text and 'jokebot_oogiri_rounds{model="base"} 9.0' in text
    assert 'jokebot_oogiri_win_rate{bound="low",model="base"} 0.25' in text
    assert 'win_rate{bound="share",model="newer"}' not in text and "old" not in text
