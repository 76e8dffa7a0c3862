# environment: train
"""The whole loop on one GPU: users, the bot, LMDeploy and XTuner; and its heavy steps at 2B shapes.

`demo`: the sandbox, and the bot with its own LMDeploy servers for the demo model. Users send and rate photos; an admin
sends /retrain; QLoRA, merge and gate run on the serving GPU; the candidate's trial runs; the admin sends /rollback.
Users send photos the whole time. The last output line is one JSON object:

    photos, lost, failed            photos sent; unanswered; answered with an error message
    retrain_s                       from the admin's confirmation to the gate's verdict; `steps`: seconds per run step
    promoted, rollback_s            whether the trial promoted the candidate; seconds from /rollback to the swap's end
    liking_before, liking_after     liking of a jury that does not rate

`2b`: a random model of InternVL2-2B's shapes; times train_s, merge_s, start_s (of the first server), swap_s and
`rollback_s`, the swap back to the previous model. `--kind cpu` uses the CPU engine, to test the script without a GPU.
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


async def demo(options: argparse.Namespace) -> dict[str, Any]:
    """Run the loop once with the demo model."""
    import aiohttp
    import torch

    from benchmarks.crowd import Crowd, Taste, apologies, run_concurrently
    from benchmarks.flywheel import Flywheel
    from benchmarks.flywheel_setup import PER_GROUP, Album, Scale, bot_and_sandbox
    from storage.database import Database

    torch.set_num_threads(2)
    settings = {
        "ENGINE_KIND": options.kind,
        "LMDEPLOY_CACHE_BLOCKS": "512",
        "ENGINE_MAX_TILES": "1",
        "ENGINE_IN_FLIGHT": "16",
        "GATE_PHOTOS": "60",
        "SELECTION_MAX_USER_SHARE": "1",
        "RETRAIN_MIN_PAIRS": "8",
        "TRAINING_EPOCHS": "4",
        "CANARY_MAX_RATINGS": "2000",
        "SERVERS_PREVIOUS_MODEL": "sleep",
        **dict(setting.split("=", 1) for setting in options.set),
    }
    scale = Scale(24, 4, (options.photos,), options.measured, options.at_once, {})
    (options.folder / "data").mkdir(parents=True)
    with bot_and_sandbox(options.folder / "data", settings, options.bot_python) as page:
        say("the bot answers")
        database = await Database.open(options.folder / "data" / "jokebot.sqlite3")
        async with aiohttp.ClientSession(page, timeout=aiohttp.ClientTimeout(total=300)) as session:
            crowd = Crowd(session, Taste(["deadpan"]), random.Random(1), apologies=apologies(), timeout_s=120)
            await crowd.gather(scale.users, scale.groups, PER_GROUP, jury=8)
            listening = asyncio.create_task(crowd.listen())
            try:
                flywheel = Flywheel(crowd, Album(7, options.pack), database, scale)
                await flywheel.measure()
                await run_concurrently(options.photos, scale.at_once, flywheel.share)
                say(f"{crowd.photos} photos, {crowd.ratings} ratings")
                return await turn(flywheel)
            finally:
                listening.cancel()
                await database.close()


async def turn(flywheel: Any) -> dict[str, Any]:
    """Run /retrain, the trial and /rollback while other users send photos."""
    from benchmarks.crowd import run_until

    over, crowd = asyncio.Event(), flywheel.crowd

    async def idle_chat(number: int) -> None:
        await flywheel.share(number)
        await asyncio.sleep(PHOTOS_PAUSE_S)

    chatting = asyncio.create_task(run_until(over, 2, idle_chat))
    try:
        run = await flywheel.round()
        say(f"the run is {run.state}")
        await flywheel.measure()
        rollback_s = await roll_back(flywheel) if run.state == "promoted" else None
    finally:
        over.set()
        await chatting
    steps = flywheel.runs[-1]["steps"]
    return {
        "photos": crowd.photos,
        "lost": crowd.lost,
        "failed": crowd.failed,
        "retrain_s": round(sum(steps.get(state, 0) for state in LEARNING), 1),
        "promoted": run.state == "promoted",
        "rollback_s": rollback_s,
        "liking_before": flywheel.liking[0],
        "liking_after": flywheel.liking[-1],
        "steps": steps,
        "ratings": crowd.ratings,
        "duels": crowd.duels,
        "run": flywheel.runs[-1],
    }


LEARNING = ("queued", "exporting", "training", "merging", "judging")


async def roll_back(flywheel: Any) -> float:
    """Send /rollback; returns the seconds until the previous model is champion."""
    from benchmarks.flywheel_setup import ADMIN
    from storage.learning import promotion

    started = time.monotonic()
    await flywheel.crowd.post("text", person=ADMIN, chat=ADMIN, text="/rollback")
    while True:
        if (await promotion.list_promotions(flywheel.database, 1))[0].kind == "rollback":
            break
        await asyncio.sleep(0.05)
    seconds = round(time.monotonic() - started, 2)
    say(f"back after {seconds} s")
    return seconds


def heavy(options: argparse.Namespace) -> dict[str, Any]:
    """Train, merge and swap with the base model `options.base`."""
    dataset = write_dataset(options.folder / "dataset", options.rows, options.pack)
    say("dataset and base are there")
    environment = {
        **os.environ,
        "JOKEBOT_STORAGE_DIRECTORY": str(options.folder / "data"),
        "JOKEBOT_TRAINING_EPOCHS": "1",
        "JOKEBOT_TRAINING_BATCH_SIZE": "4",
        "JOKEBOT_TRAINING_ACCUMULATION": "1",
        "JOKEBOT_TRAINING_WORKERS": "2",
    }
    seconds = {}
    for name, command in {
        "train_s": ["train", str(dataset), "--base", str(options.base), "--out", str(options.folder / "run")],
        "merge_s": [
            "merge",
            str(options.folder / "run"),
            "--base",
            str(options.base),
            "--out",
            str(options.folder / "merged"),
        ],
    }.items():
        started = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "bot", *command], check=True, cwd=ROOT, env=environment, stdout=sys.stderr
        )
        seconds[name] = round(time.monotonic() - started, 1)
        say(f"{name} {seconds[name]}")
    swap = subprocess.run(
        [
            str(options.bot_python),
            __file__,
            "swap",
            "--base",
            str(options.base),
            "--folder",
            str(options.folder),
            "--kind",
            options.kind,
            "--set",
            *options.set,
        ],
        check=True,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    return {**seconds, **json.loads(swap.stdout.splitlines()[-1]), "rows": options.rows}


def write_dataset(directory: Path, rows: int, pack: Path) -> Path:
    """Write a dataset for XTuner: painted pictures with a joke each."""
    from benchmarks.flywheel_setup import Album
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


async def swap(options: argparse.Namespace) -> dict[str, Any]:
    """Start servers of the base model, swap to the merged model and back. Runs in the bot environment."""
    from bot.engine.servers.factory import make_servers
    from configs.settings import load_settings
    from storage.learning.models import Model

    def model(number: int, name: str, directory: Path) -> Model:
        return Model(number, name, "champion", None, None, str(directory), None, "{}", 0.0)

    base, merged = model(1, "base", options.base), model(2, "merged", options.folder / "merged")
    servers = make_servers(load_settings(), base)
    seconds = {}
    try:
        for name, work in {
            "start_s": first(servers),
            "swap_s": servers.swap(merged),
            "rollback_s": servers.swap(base),
        }.items():
            started = time.monotonic()
            await work
            seconds[name] = round(time.monotonic() - started, 2)
            say(f"{name} {seconds[name]}")
    finally:
        await servers.stop()
    return seconds


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
    parser.add_argument("--pack", type=Path, help="pack of drawings to paint from (default: the repository's samples)")
    parser.add_argument("--base", type=Path, help="for `2b`: the base checkpoint")
    parser.add_argument("--photos", type=int, default=300, help="for `demo`: photos before /retrain")
    parser.add_argument("--measured", type=int, default=100, help="for `demo`: pictures of the jury, each time")
    parser.add_argument("--at-once", type=int, default=12)
    parser.add_argument("--rows", type=int, default=64, help="for `2b`: pairs to train on")
    parser.add_argument("--set", nargs="*", default=[], metavar="SECTION_NAME=VALUE", help="further settings")
    parser.add_argument(
        "--save", default="", metavar="MACHINE", help="save as benchmarks/results/loop_MACHINE.json; `2b` adds its part"
    )
    options = parser.parse_args()
    options.folder = options.folder.absolute()
    if options.part == "swap":
        os.environ |= {
            f"JOKEBOT_{name}": value
            for name, value in (
                ("ENGINE_KIND", options.kind),
                ("ENGINE_MAX_TILES", "1"),
                *(setting.split("=", 1) for setting in options.set),
            )
        }
        print(json.dumps(asyncio.run(swap(options))), flush=True)
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.pack is None:
        from benchmarks.flywheel_setup import write_sample_pack

        options.pack = write_sample_pack(options.folder / "pictures.zip")
    result = asyncio.run(demo(options)) if options.part == "demo" else heavy(options)
    result |= {"engine": options.kind, "machine": machine(), "date": time.strftime("%Y-%m-%d")}
    saved = ROOT / "benchmarks" / "results" / f"loop_{options.save}.json"
    if options.part == "2b":
        before = json.loads(saved.read_text(encoding="utf-8")) if options.save and saved.exists() else {}
        result = {**before, "at_2b": result}
    finish(result, "loop", options.save)


if __name__ == "__main__":
    main()
