"""A real QLoRA run from the command line to the answers over HTTP."""

import base64
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from PIL import Image

from configs.chat_templates import chat_template
from trainer.merge.merge_adapter import merge


@pytest.fixture(scope="module")
def model(overfitted: Any, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "joker"
    merge(overfitted.out, base, out)
    return out


def test_a_run_tells_how_it_goes_and_what_came_out(overfitted: Any, dataset: Path) -> None:
    said, losses = overfitted.said, overfitted.losses()
    assert (said["state"], said["step"], said["steps"], said["eta_s"]) == ("done", 120, 120, 0)
    assert said["memory_mb"] > 100 and said["parts"] == 1
    assert list(losses) == list(range(1, 121)) and losses[1] > 8 and losses[120] < 0.2
    about = json.loads((overfitted.out / "adapter.json").read_text())
    assert about["lora_alpha"] == 32 and about["measures"]["last_loss"] == losses[120]
    assert Image.open(overfitted.out / "loss.png").size == (960, 540)
    assert (overfitted.out / "prompts.toml").exists()


def test_the_same_command_on_a_finished_run_says_so(overfitted: Any, start: Any, dataset: Path) -> None:
    again = start(dataset, overfitted.out, BATCH_SIZE=8, EPOCHS=120, LORA_DROPOUT=0)
    assert again.wait() == 0 and "holds this run already, done" in again.log.read_text().splitlines()[-2]


def test_another_plan_does_not_touch_a_run(overfitted: Any, start: Any, dataset: Path) -> None:
    other = start(dataset, overfitted.out, EPOCHS=5)
    assert other.wait() == 2 and "another plan" in other.log.read_text()


def test_the_merged_model_says_the_answers_word_for_word_over_http(model: Path, dataset: Path) -> None:
    rows = json.loads((dataset / "train.json").read_text(encoding="utf-8"))
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "serve", str(model), "--port", "0", "--threads", "1"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as engine:
        try:
            assert engine.stdout
            url = engine.stdout.readline().split()[-1]
            client = OpenAI(base_url=f"{url}/v1", api_key="any", timeout=120)
            said = [
                ask(client, dataset / row["image"], row["conversations"][0]["value"].removeprefix("<image>\n"))
                for row in rows
            ]
        finally:
            engine.send_signal(signal.SIGTERM)
    assert said == [row["conversations"][1]["value"] for row in rows]


def ask(client: OpenAI, picture: Path, prompt: str) -> str | None:
    """As the bot asks, at temperature 0."""
    url = f"data:image/jpeg;base64,{base64.b64encode(picture.read_bytes()).decode()}"
    answer = client.chat.completions.create(
        model=client.models.list().data[0].id,
        temperature=0,
        max_tokens=60,
        messages=[
            {"role": "system", "content": chat_template().system},
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": prompt}],
            },
        ],
    )
    return answer.choices[0].message.content


def test_the_merged_model_names_its_origin(overfitted: Any, model: Path, base: Path) -> None:
    papers = json.loads((model / "model.json").read_text(encoding="utf-8"))
    assert papers["base"]["directory"] == str(base) and papers["adapter"]["run"] == overfitted.out.name
    assert len(papers["adapter"]["dataset"]["train_sha256"]) == 64
    assert papers["adapter"]["measures"]["last_loss"] < 0.2
    assert {file.name for file in base.iterdir()} < {file.name for file in model.iterdir()}
