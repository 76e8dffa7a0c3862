"""A fake of the train environment's interpreter: plays a test's script, and continues after a kill.

DATA/play.json is a list of acts, DATA/played the number of those that are done:
    {"row": {"state": "training", …}}   change the run's row        {"file": "progress.json", "text": "…"}   write into
        its folder
    {"wait": "name"}                    until DATA/name exists      {"say": "…"}   {"die": true}   {"end": 1}
DATA/pid is its own number. `jokebot retrain --dry-run --json` says what stands in DATA/pairs.json.
"""

import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

DATA = Path(os.environ["JOKEBOT_STORAGE_DIRECTORY"])


def change(run: int, row: dict) -> None:
    with sqlite3.connect(DATA / "jokebot.sqlite3", timeout=30) as connection:
        connection.execute(
            f"UPDATE runs SET {', '.join(f'{name} = ?' for name in row)} WHERE id = ?", (*row.values(), run)
        )
        if "state" in row:
            connection.execute("INSERT INTO run_states VALUES (?, ?, ?)", (run, row["state"], time.time()))


def perform(run: int, act: dict) -> None:
    folder = DATA / "runs" / str(run)
    folder.mkdir(parents=True, exist_ok=True)
    if "row" in act:
        change(run, act["row"])
    if "file" in act:
        (folder / act["file"]).write_text(act["text"])
    if "say" in act:
        print(act["say"], flush=True)
    while "wait" in act and not (DATA / act["wait"]).exists():
        time.sleep(0.02)
    if act.get("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    if "end" in act:
        sys.exit(act["end"])


def main() -> None:
    assert "JOKEBOT_TELEGRAM_TOKEN" not in os.environ, "the bot's token is nobody else's business"
    if "--dry-run" in sys.argv:
        print((DATA / "pairs.json").read_text())
        return
    (DATA / "pid").write_text(str(os.getpid()))
    run, done = int(sys.argv[-1]), DATA / "played"
    acts = json.loads((DATA / "play.json").read_text())
    for number in range(int(done.read_text()) if done.exists() else 0, len(acts)):
        done.write_text(str(number + 1))
        perform(run, acts[number])


main()
