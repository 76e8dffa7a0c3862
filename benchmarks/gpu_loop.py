# environment: train
"""The whole loop on a GPU host: people, the bot, LMDeploy, XTuner on the same card; and its heavy steps at 2B shapes.

`demo`: the sandbox, and the real bot with LMDeploy servers that it runs itself, serving the demo model. People send
photos and rate; an admin says /retrain in the chat; QLoRA, merge and gate run on the card that serves; the candidate
goes on trial and into service; /rollback goes back. All the while others go on sending photos. Printed last, as one
JSON object:

    photos, lost, failed            photos sent in all; without any answer; answered with an apology
    retrain_s                       from the admin's yes to the gate's verdict; `steps`: seconds of every step of the
        run
    promoted, rollback_s            whether people's ratings brought it into service; seconds from /rollback to the
        change
    liking_before, liking_after     of a jury that rates nothing

`2b`: a random model of InternVL2-2B's shapes: train, merge, and the swap in LMDeploy, each timed: train_s, merge_s,
start_s (the first server's), swap_s, and `rollback_s`, the swap back to the model before, which sleeps or is started as
set. `--kind cpu` puts the CPU engine in LMDeploy's place, to try the script on a host without a GPU.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine import finish, machine  # noqa: E402

PHOTOS_PAUSE_S = 0.4
BEGAN = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - BEGAN:6.1f} s] {text}", file=sys.stderr, flush=True)


async def demo(told: argparse.Namespace) -> dict[str, Any]:
    """One turn of the loop with the demo model."""
    import aiohttp
    import torch

    from benchmarks.crowd import Crowd, Taste, apologies, several
    from benchmarks.flywheel import PER_GROUP, Album, Flywheel, Scale, bot_and_sandbox
    from storage.database import Database

    torch.set_num_threads(2)
    settings = {
        "ENGINE_KIND": told.kind,
        "LMDEPLOY_CACHE_BLOCKS": "512",
        "ENGINE_MAX_TILES": "1",
        "ENGINE_IN_FLIGHT": "16",
        "GATE_PHOTOS": "60",
        "SELECTION_MAX_USER_SHARE": "1",
        "RETRAIN_MIN_PAIRS": "8",
        "TRAINING_EPOCHS": "4",
        "CANARY_MAX_RATINGS": "2000",
        "SERVERS_PREVIOUS_MODEL": "sleep",
        **dict(one.split("=", 1) for one in told.set),
    }
    scale = Scale(24, 4, (told.photos,), told.measured, told.at_once, {})
    (told.folder / "data").mkdir(parents=True)
    with bot_and_sandbox(told.folder / "data", settings, told.bot_python) as page:
        say("the bot answers")
        database = await Database.open(told.folder / "data" / "jokebot.sqlite3")
        async with aiohttp.ClientSession(page, timeout=aiohttp.ClientTimeout(total=300)) as session:
            crowd = Crowd(session, Taste(["deadpan"]), random.Random(1), apologies=apologies(), timeout_s=120)
            await crowd.gather(scale.people, scale.groups, PER_GROUP, jury=8)
            listening = asyncio.create_task(crowd.listen())
            try:
                flywheel = Flywheel(crowd, Album(7, told.pack), database, scale)
                await flywheel.measure()
                await several(told.photos, scale.at_once, flywheel.share)
                say(f"{crowd.photos} photos, {crowd.ratings} ratings")
                return await turn(flywheel)
            finally:
                listening.cancel()
                await database.close()


async def turn(flywheel: Any) -> dict[str, Any]:
    """/retrain, trial, /rollback, while others go on chatting."""
    from benchmarks.crowd import until

    over, crowd = asyncio.Event(), flywheel.crowd

    async def idle_chat(number: int) -> None:
        await flywheel.share(number)
        await asyncio.sleep(PHOTOS_PAUSE_S)

    chatting = asyncio.create_task(until(over, 2, idle_chat))
    try:
        run = await flywheel.round()
        say(f"the run is {run.state}")
        await flywheel.measure()
        rollback_s = await roll_back(flywheel) if run.state == "promoted" else None
    finally:
        over.set()
        await chatting
    steps = flywheel.told[-1]["steps"]
    return {
        "photos": crowd.photos,
        "lost": crowd.lost,
        "failed": crowd.failed,
        "retrain_s": round(sum(steps.get(one, 0) for one in LEARNING), 1),
        "promoted": run.state == "promoted",
        "rollback_s": rollback_s,
        "liking_before": flywheel.liking[0],
        "liking_after": flywheel.liking[-1],
        "steps": steps,
        "ratings": crowd.ratings,
        "duels": crowd.duels,
        "run": flywheel.told[-1],
    }


LEARNING = ("queued", "exporting", "training", "merging", "judging")


async def roll_back(flywheel: Any) -> float:
    """/rollback in the chat; seconds until the model before is in service."""
    from benchmarks.flywheel import ADMIN
    from storage.learning import promotion

    began = time.monotonic()
    await flywheel.crowd.post("text", person=ADMIN, chat=ADMIN, text="/rollback")
    while True:
        if (await promotion.list_promotions(flywheel.database, 1))[0].kind == "rollback":
            break
        await asyncio.sleep(0.05)
    seconds = round(time.monotonic() - began, 2)
    say(f"back after {seconds} s")
    return seconds


def heavy(told: argparse.Namespace) -> dict[str, Any]:
    """Train, merge and swap at the shapes of `told.base`."""
    dataset = write_dataset(told.folder / "dataset", told.rows, told.pack)
    say("dataset and base are there")
    environment = {
        **os.environ,
        "JOKEBOT_STORAGE_DIRECTORY": str(told.folder / "data"),
        "JOKEBOT_TRAINING_EPOCHS": "1",
        "JOKEBOT_TRAINING_BATCH_SIZE": "4",
        "JOKEBOT_TRAINING_ACCUMULATION": "1",
        "JOKEBOT_TRAINING_WORKERS": "2",
    }
    seconds = {}
    for name, command in {
        "train_s": ["train", str(dataset), "--base", str(told.base), "--out", str(told.folder / "run")],
        "merge_s": ["merge", str(told.folder / "run"), "--base", str(told.base), "--out", str(told.folder / "merged")],
    }.items():
        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "bot", *command], check=True, cwd=ROOT, env=environment, stdout=sys.stderr
        )
        seconds[name] = round(time.monotonic() - began, 1)
        say(f"{name} {seconds[name]}")
    swap = subprocess.run(
        [
            str(told.bot_python),
            __file__,
            "swap",
            "--base",
            str(told.base),
            "--folder",
            str(told.folder),
            "--kind",
            told.kind,
            "--set",
            *told.set,
        ],
        check=True,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    return {**seconds, **json.loads(swap.stdout.splitlines()[-1]), "rows": told.rows}


def write_dataset(directory: Path, rows: int, pack: Path) -> Path:
    """Painted pictures with a joke each, in the form that XTuner reads."""
    from benchmarks.flywheel import Album
    from configs.prompts import load_prompts
    from trainer.demo_model.joke_templates import jokes, load_shapes

    album, prompts, shapes = Album(11, pack), load_prompts(), jokes(load_shapes(), "en")
    (directory / "images").mkdir(parents=True)
    entries = []
    for number in range(rows):
        picture = album.next()
        (directory / "images" / f"{number}.jpg").write_bytes(picture.jpeg)
        entries.append(
            {
                "id": f"pair-{number}",
                "image": f"images/{number}.jpg",
                "image_wh": [448, 448],
                "conversations": [
                    {"from": "human", "value": f"<image>\n{prompts.ask('en', 'neutral')}"},
                    {"from": "gpt", "value": shapes[number % len(shapes)].fill(picture.subject)},
                ],
            }
        )
    (directory / "train.json").write_text(json.dumps(entries), encoding="utf-8")
    return directory


async def swap(told: argparse.Namespace) -> dict[str, Any]:
    """Start servers of the base, swap the merged model in, and the base back in. Runs in the bot's environment."""
    from bot.engine.servers.factory import make_servers
    from configs.settings import load_settings
    from storage.learning.models import Model

    def model(number: int, name: str, directory: Path) -> Model:
        return Model(number, name, "champion", None, None, str(directory), None, "{}", 0.0)

    base, merged = model(1, "base", told.base), model(2, "merged", told.folder / "merged")
    servers = make_servers(load_settings(), base)
    found = {}
    try:
        for name, work in {
            "start_s": first(servers),
            "swap_s": servers.swap(merged),
            "rollback_s": servers.swap(base),
        }.items():
            began = time.monotonic()
            await work
            found[name] = round(time.monotonic() - began, 2)
            say(f"{name} {found[name]}")
    finally:
        await servers.stop()
    return found


async def first(servers: Any) -> None:
    await servers.start()
    await servers.wait_ready()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "part", choices=("demo", "2b", "swap"), help="`swap` is the part of `2b` that runs in the bot's environment"
    )
    parser.add_argument("--folder", type=Path, required=True, help="a new folder for data and logs")
    parser.add_argument("--kind", choices=("lmdeploy", "cpu"), default="lmdeploy")
    parser.add_argument("--bot-python", type=Path, default=ROOT / ".venv" / "bot" / "bin" / "python")
    parser.add_argument(
        "--pack", type=Path, help="the drawings to paint with; the few that come with the program where none is named"
    )
    parser.add_argument("--base", type=Path, help="for `2b`: the base checkpoint")
    parser.add_argument("--photos", type=int, default=300, help="for `demo`: photos before /retrain")
    parser.add_argument("--measured", type=int, default=100, help="for `demo`: pictures of the jury, each time")
    parser.add_argument("--at-once", type=int, default=12)
    parser.add_argument("--rows", type=int, default=64, help="for `2b`: pairs to train on")
    parser.add_argument("--set", nargs="*", default=[], metavar="SECTION_NAME=VALUE", help="further settings")
    parser.add_argument(
        "--save",
        default="",
        metavar="MACHINE",
        help="keep the result as benchmarks/results/loop_MACHINE.json; `2b` adds itself to it",
    )
    told = parser.parse_args()
    told.folder = told.folder.absolute()
    if told.part == "swap":
        os.environ |= {
            f"JOKEBOT_{name}": value
            for name, value in (
                ("ENGINE_KIND", told.kind),
                ("ENGINE_MAX_TILES", "1"),
                *(one.split("=", 1) for one in told.set),
            )
        }
        print(json.dumps(asyncio.run(swap(told))), flush=True)
        return
    told.folder.mkdir(parents=True, exist_ok=True)
    if told.pack is None:
        from benchmarks.flywheel import write_sample_pack

        told.pack = write_sample_pack(told.folder / "pictures.zip")
    result = asyncio.run(demo(told)) if told.part == "demo" else heavy(told)
    result |= {"engine": told.kind, "machine": machine(), "date": time.strftime("%Y-%m-%d")}
    kept = ROOT / "benchmarks" / "results" / f"loop_{told.save}.json"
    if told.part == "2b":
        before = json.loads(kept.read_text(encoding="utf-8")) if told.save and kept.exists() else {}
        result = {**before, "at_2b": result}
    finish(result, "loop", told.save)


if __name__ == "__main__":
    main()
