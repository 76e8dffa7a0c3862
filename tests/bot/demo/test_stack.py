"""The demo starts in any working directory and keeps its data there."""

import json
import urllib.request
from pathlib import Path

from bot.demo import stack
from configs.settings import Settings


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def test_it_runs_from_any_folder_with_its_pictures_and_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stack, "REPORT_EVERY_S", 0.01)
    lines = []
    with stack.running_demo(Settings(), data=Path("demo"), report=lines.append) as parts:
        samples = json.loads(fetched(f"{parts.page}/sandbox/samples"))
        assert len(samples) == 24 and samples[0]["name"] == "fox"
        assert all(fetched(parts.page + sample["url"])[:3] in (b"\xff\xd8\xff", b"\x89PN") for sample in samples)
        assert (tmp_path / "demo" / "jokebot.sqlite3").is_file()
    assert lines[0] == "Starting the chat page …"
    assert any(line.startswith("Starting the bot and loading the demo model … 0 s") for line in lines), (
        "a wait says what it waits for, and for how long"
    )
