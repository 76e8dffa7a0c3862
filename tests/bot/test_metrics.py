"""The figures that a monitor reads, over HTTP, from a running bot."""
import asyncio
import math
import re
import socket

import aiohttp
import pytest

from bot.app import App
from bot.engine.given import GivenServers
from bot.engine.queue import FairQueue
from bot.engine.router import Arm
from bot.engine.stub import Answer
from bot.metrics import Metrics, escaped
from bot.metrics import histogram as histogram_of
from configs.errors import SettingsError
from configs.settings import Settings
from storage.measures import Told
from storage.models import Model, register_base

SAMPLE = re.compile(r'(?P<name>[a-z_]+)(?:\{(?P<labels>(?:[a-z]+="(?:[^"\\\n]|\\.)*",?)*)\})? (?P<value>\S+)')
ON = {"listen": "127.0.0.1:0"}


async def get(app: App, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(app.metrics.url + path) as response:
        return response.status, await response.text()


async def scrape(app: App) -> dict[str, float]:
    """All samples by `name{labels}`, after a look at every line's form."""
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
    buckets = [value for name, value in samples.items() if name.startswith('jokebot_joke_latency_seconds_bucket{model="base"')]
    assert buckets == sorted(buckets) and buckets[-1] == 3 == samples['jokebot_joke_latency_seconds_count{model="base"}']
    total = await stage.value("SELECT sum(latency_s) FROM jokes")
    assert math.isclose(samples['jokebot_joke_latency_seconds_sum{model="base"}'], total)
    assert samples["jokebot_start_time_seconds"] > 1.7e9


async def test_ratings_are_counted_by_value_as_they_stand(stage_with):
    stage = await stage_with(metrics=ON)
    joke = await stage.joke(stage.send_photo(chat=stage.group, caption=f"@{stage.app.bot.username}"))
    await stage.press(joke, 0)
    await stage.press(joke, 0, person=stage.bob)
    await scrape_until(stage.app, 'jokebot_ratings{model="base",value="3"}', 2)
    await stage.press(joke, 2, person=stage.bob)
    samples = await scrape_until(stage.app, 'jokebot_ratings{model="base",value="3"}', 1)
    assert samples['jokebot_ratings{model="base",value="1"}'] == 1


async def test_the_queue_and_the_inbox_are_seen_while_photos_wait(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(Answer(gate=gate), metrics=ON, engine={"in_flight": 1})
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
    assert samples["jokebot_queue_waiting"] == samples["jokebot_queue_in_flight"] == samples["jokebot_inbox_pending"] == 0


async def test_servers_versions_and_a_pause_are_seen(stage_with):
    stage = await stage_with(metrics=ON)
    samples = await scrape(stage.app)
    assert samples['jokebot_servers{model="base",state="given"}'] == 1 and samples['jokebot_server_restarts{model="base"}'] == 0
    assert samples['jokebot_model_share{model="base"}'] == 1 and samples["jokebot_paused"] == 0
    router = stage.app.servers.router
    router.set_canary(Arm(await register_base(stage.app.database, "canary", None), router.champion.client), 0.1)
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
    told = Told((1.0,))
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


async def test_without_the_setting_nothing_listens(stage):
    assert stage.app.metrics is None and Settings().metrics.listen == ""


async def test_a_taken_port_or_a_strange_address_ends_the_start_in_one_line(tmp_path):
    queue, servers = FairQueue(1, 1, 1), GivenServers(Settings(), Model(1, "base", "champion", None, None, None, None, "{}", 0.0))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for address in (f"127.0.0.1:{taken.getsockname()[1]}", "nonsense", "127.0.0.1:99999"):
            settings = Settings(storage={"directory": tmp_path}, metrics={"listen": address})
            with pytest.raises(SettingsError, match="JOKEBOT_METRICS_LISTEN"):
                await Metrics.start(settings, queue, servers)


def test_a_name_can_not_break_the_format():
    assert escaped('a"b\\c\nd') == r'a\"b\\c\nd'
    told = Told((1.0,))
    told.jokes['x"} 1\nfake 2'], told.seconds['x"} 1\nfake 2'], told.within['x"} 1\nfake 2'] = 1, 0.5, [1]
    lines = [line for line in histogram_of(told).splitlines() if not line.startswith("#")]
    assert len(lines) == 4 and all(SAMPLE.fullmatch(line) for line in lines)
