"""The admin pages' data over HTTP, from a running bot with a history."""

import io

import pytest
from PIL import Image

from bot.app import started_app
from bot.engine.router import ServedModel
from bot.panel.overview import thinned
from configs.errors import SettingsError
from storage.learning import models, runs
from tests.bot.conftest import make_settings
from tests.bot.panel.played import say_progress


async def test_it_tells_who_serves_what_was_learnt_and_how_jokes_were_liked(watch):
    watched = await watch()
    status, told, _ = await watched.get()
    assert status == 200 and told["language"] == "en" and told["words"]["title"] == "Admin"
    assert told["service"] == [{"id": 2, "name": "run-1", "share": 1.0, "status": "champion"}]
    assert [(run["id"], run["state"], run["model"]) for run in told["runs"]] == [(2, "rejected", 3), (1, "promoted", 2)]
    assert told["runs"][0]["why"] == "It has become less likely to say what people liked."
    models = {model["id"]: model for model in told["models"]}
    assert {number: (one["status"], one["parent"], one["may"]) for number, one in models.items()} == {
        3: ("rejected", "run-1 (2)", False),
        2: ("champion", "InternVL2-2B (1)", False),
        1: ("base", "", True),
    }
    for number in (1, 2):
        one = models[number]
        rows = await watched.stage.app.database.row(
            "SELECT count(*), avg(value > 1) FROM ratings JOIN jokes ON jokes.id = joke_id WHERE model_id = ?",
            (number,),
        )
        assert (one["ratings"], one["liked"]) == (rows[0], pytest.approx(rows[1]))
        assert one["low"] < one["liked"] < one["high"]
    assert told["back"] == "InternVL2-2B (1)"
    everything = await watched.stage.value("SELECT count(*) FROM ratings")
    assert sum(day["funny"] + day["somewhat"] + day["unfunny"] for day in told["days"]) == everything
    assert sum(one["funny"] + one["somewhat"] + one["unfunny"] for one in told["by_model"]) == everything


async def test_what_is_private_is_not_shown(watch):
    watched = await watch()
    _, told, _ = await watched.get()
    assert len(told["recent"]) == 24 and watched.past.hidden not in {one["joke_id"] for one in told["recent"]}
    assert (await watched.get(f"/jokes/{watched.past.hidden}/photo"))[0] == 404
    status, photo, _ = await watched.get(f"/jokes/{told['recent'][0]['joke_id']}/photo")
    with Image.open(io.BytesIO(photo)) as image:
        assert (status, image.size, image.format) == (200, (320, 320), "JPEG")


async def test_a_run_s_details_have_its_measures_times_losses_and_both_models_jokes(watch):
    watched = await watch()
    _, run, _ = await watched.get("/runs/1", language="zh")
    assert [one["label"] for one in run["measures"]][0] == watched.stage.words("measure-likelihood", "zh") + " ↓"
    assert [step["label"] for step in run["steps"]] == [
        watched.stage.words(f"run-state-{name}", "zh") for name in (*runs.STEPS, "canary")
    ]
    assert run["steps"][2]["seconds"] == pytest.approx(1500)
    assert len(run["losses"]) == 120 and len(run["said"]) == 4
    status, photo, _ = await watched.get(f"/runs/1/photos/{run['said'][0]['photo']}")
    assert status == 200 and photo.startswith(b"\xff\xd8")
    assert (await watched.get("/runs/1/photos/9"))[0] == 404
    status, picture, _ = await watched.get("/runs/1/picture")
    assert status == 200 and picture.startswith(b"\x89PNG")
    assert run["picture"] and (run["steps"][2]["took"], run["steps"][0]["took"]) == ("25 分钟", "5 秒")
    assert (await watched.get("/runs/77"))[0] == 404 == (await watched.get("/runs/77/picture"))[0]


async def test_a_run_that_was_cancelled_after_the_gate_promises_no_picture(watch):
    watched = await watch()
    async with watched.stage.app.database.write() as connection:
        await connection.execute("UPDATE runs SET state = 'cancelled' WHERE id = 1")
    _, run, _ = await watched.get("/runs/1")
    assert run["measures"] and not run["picture"]
    assert (await watched.get("/runs/1/picture"))[0] == 404


async def test_a_run_under_way_is_told_with_its_step_and_what_is_left(watch):
    watched = await watch()
    database, settings = watched.stage.app.database, watched.stage.settings
    run = await watched.past.train(await runs.create_run(database, "admin"), database)
    watched.past.write_losses(run, 12)
    say_progress(settings, run, 12, 40, 130)
    _, told, _ = await watched.get()
    assert (told["run"]["id"], told["run"]["state"], told["run"]["share"]) == (run.id, "training", 0.3)
    assert [step["state"] for step in told["run"]["steps"]] == ["done", "done", "now", "todo", "todo", "todo"]
    assert "12" in told["run"]["counted"] and "40" in told["run"]["counted"] and "2 min" in told["run"]["left"]
    assert len(told["run"]["losses"]) == 12 and run.id not in {one["id"] for one in told["runs"]}


async def test_a_trial_and_a_pause_are_seen_in_who_answers(watch):
    watched = await watch()
    servers = watched.stage.app.servers
    servers.router.set_canary(
        ServedModel(await models.get_model(watched.stage.app.database, 3), servers.router.champion.client), 0.25
    )
    servers.paused = "training"
    _, told, _ = await watched.get(language="zh-hans")
    assert [(one["id"], one["status"], one["share"]) for one in told["service"]] == [
        (2, "champion", 0.75),
        (3, "canary", 0.25),
    ]
    assert told["paused"] == watched.stage.words("panel-paused-training", "zh")
    assert told["health"][0] == {"label": "引擎", "value": "正常", "tone": "good"}
    watched.stage.engine.models[:] = []
    assert (await watched.get())[1]["health"][0] == {"label": "Engine", "value": "doesn't answer", "tone": "bad"}


async def test_who_has_what_there_is_isn_t_told_it_again(watch):
    watched = await watch()
    _, _, tag = await watched.get()
    status, nothing, _ = await watched.get(headers={"If-None-Match": tag})
    assert (status, nothing) == (304, b"")
    await runs.create_run(watched.stage.app.database, "admin")
    assert (await watched.get(headers={"If-None-Match": tag}))[0] == 200


async def test_without_the_key_or_for_anybody_but_an_admin_there_is_nothing(watch):
    watched = await watch(past=False)
    for path in ("", "/admins", "/runs/1", "/jokes/1/photo"):
        assert (await watched.get(path, key="another"))[0] == 401
    for path in ("", "/runs/1", "/jokes/1/photo"):
        assert (await watched.get(path, person=1002))[0] == 403
    assert (await watched.get("/admins"))[1] == [1001]
    _, told, _ = await watched.get()
    assert (told["runs"], told["by_model"], told["run"], told["back"]) == ([], [], None, "")


@pytest.mark.parametrize("panel", [{"listen": "127.0.0.1:0"}, {"listen": "nowhere:x", "key": "k"}])
async def test_a_missing_key_or_an_impossible_address_is_said_at_the_start(tmp_path, sandbox, panel):
    with pytest.raises(SettingsError, match="JOKEBOT_PANEL"):
        async with started_app(make_settings(sandbox.url, "http://127.0.0.1:9", tmp_path, panel=panel)):
            pass


def test_a_long_curve_is_averaged_into_as_many_points_as_are_drawn():
    assert thinned([]) == []
    assert thinned([3.0, 1.0, 2.0], 240) == [[1.0, 3.0], [2.0, 1.0], [3.0, 2.0]]
    assert thinned([1.0, 3.0, 5.0], 2) == [[1.5, 2.0], [3.0, 5.0]]
    assert len(thinned([1.0] * 10_000)) <= 240
