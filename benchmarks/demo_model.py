# environment: train
"""`make bench-demo_model`: accuracy and speed of the committed demo model, through the CPU engine over HTTP.

Pictures are painted with a seed that no build uses and sent as JPEG: trained drawings with new backgrounds and
positions, and the same subjects from the held-out set. The picture pack is built first if it is missing. Requests cycle
through the languages and styles of prompts.toml. The last output line is one JSON object:

    subject_accuracy      replies that name only the picture's main subject
    other_set_accuracy    the same for the held-out set
    language_accuracy     replies in the requested language only
    style_accuracy        replies of the requested style (without neutral)
    unfinished            replies without a sentence end, or truncated
    empty                 replies without text
    p50_s                 median seconds of a request, including the picture's upload
    mb                    the weights' MiB
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from openai import OpenAI

from bot.runtime.child_process import start_child
from configs.prompts import load_prompts
from configs.settings import ROOT
from configs.subjects import load_subjects
from trainer.demo_model.augmentation import PicturePainter, to_data_url
from trainer.demo_model.evaluate import EvaluatedReply, painters, share_of, style_of
from trainer.demo_model.picture_pack import load_pack

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"
PACK = ROOT / "build" / "demo-model" / "pictures.zip"
MAX_TOKENS = 80


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=CHECKPOINT, help="the checkpoint to measure")
    parser.add_argument("--count", type=int, default=240, help="pictures of each kind")
    arguments = parser.parse_args()
    if not PACK.is_file():
        subprocess.run([sys.executable, "-m", "bot", "demo-model", "pack"], check=True, cwd=ROOT)
    torch.set_num_threads(1)
    known, unknown = painters(load_pack(PACK), arguments.model, torch.device("cpu"))
    command = [sys.executable, "-m", "bot", "serve", str(arguments.model.resolve()), "--port", "0"]
    with start_child("engine", command, cwd=ROOT) as engine:
        client = OpenAI(base_url=f"{engine.wait_ready()}/v1", api_key="none", max_retries=0, timeout=120)
        name = client.models.list().data[0].id
        client.chat.completions.create(model=name, max_tokens=4, messages=[{"role": "user", "content": "warm up"}])
        known_set, seconds = ask(client, name, known, arguments.count)
        others, more_seconds = ask(client, name, unknown, arguments.count)
    both = [*known_set, *others]
    print(
        json.dumps(
            {
                "subject_accuracy": share_of(reply.names_subject() for reply in known_set),
                "other_set_accuracy": share_of(reply.names_subject() for reply in others),
                "language_accuracy": share_of(reply.in_language() for reply in both),
                "style_accuracy": share_of(
                    style_of(reply) == reply.style for reply in both if reply.style != "neutral"
                ),
                "unfinished": sum(not reply.ends() for reply in both),
                "empty": sum(not reply.text for reply in both),
                "p50_s": round(statistics.median(seconds + more_seconds), 3),
                "mb": round((arguments.model / "model.safetensors").stat().st_size / 2**20, 2),
                "replies": len(both),
            }
        )
    )


def ask(client: OpenAI, name: str, painter: PicturePainter, count: int) -> tuple[list[EvaluatedReply], list[float]]:
    """Request a joke for each picture at temperature 0, languages and styles in turn; returns replies and seconds."""
    prompts, subjects = load_prompts(), load_subjects()
    kinds = [(language, style) for language, part in prompts.languages.items() for style in part.styles]
    replies, seconds = [], []
    for number in range(count):
        language, style = kinds[number % len(kinds)]
        scene = painter.paint(1, 448)
        content = [
            {"type": "image_url", "image_url": {"url": to_data_url(scene.pictures[0])}},
            {"type": "text", "text": prompts.ask(language, style)},
        ]
        start = time.monotonic()
        answer = client.chat.completions.create(
            model=name, max_tokens=MAX_TOKENS, temperature=0, messages=[{"role": "user", "content": content}]
        )
        seconds.append(time.monotonic() - start)
        choice = answer.choices[0]
        replies.append(
            EvaluatedReply(
                subjects[int(scene.subjects[0])],
                language,
                style,
                choice.message.content or "",
                choice.finish_reason == "stop",
            )
        )
        print(f"\r{number + 1}/{count}", end="", file=sys.stderr, flush=True)
    return replies, seconds


if __name__ == "__main__":
    main()
