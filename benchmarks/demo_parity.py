# environment: train
"""`make bench-demo_parity ARGS="--url http://127.0.0.1:23334/v1"`: compares a server's replies with the CPU engine's.

For LMDeploy on a GPU host (`benchmarks/gpu_demo_parity.sh` starts it). 20 painted pictures, each with a style prompt,
go to the server at temperature 0; the CPU engine's code answers the same request bodies in float32. If two texts
differ, the gap between the CPU engine's two best log-probabilities is taken at the first differing token; below 0.1,
bf16 may choose either token. The last output line is one JSON object:

    exact     equal replies
    near      equal replies, and those whose first differing token has a gap below 0.1
    of        pictures
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import torch
from openai import OpenAI

from bot.engine.cpu.model import CpuModel, load_model
from bot.engine.cpu.preprocess import open_picture
from bot.engine.cpu.protocol import RequestImage, parse_request
from bot.engine.cpu.sampling import TokenSampler
from configs.prompts import load_prompts
from trainer.demo_model.augmentation import to_data_url
from trainer.demo_model.evaluate import painters
from trainer.demo_model.picture_pack import load_pack

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"
PACK = ROOT / "build" / "demo-model" / "pictures.zip"
PICTURES, GAP, MAX_PIXELS = 20, 0.1, 1_000_000


class GapSampler(TokenSampler):
    """Takes the likeliest token and records its lead over the next, in log-probability."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.gaps: list[float] = []

    def choose_token(self, logits: torch.Tensor) -> int:
        best = logits.log_softmax(-1).topk(2).values
        self.gaps.append(float(best[0] - best[1]))
        return super().choose_token(logits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", required=True, help="the other server's address, /v1 included")
    parser.add_argument("--model", type=Path, default=CHECKPOINT, help="the checkpoint that it serves")
    parser.add_argument("--pack", type=Path, default=PACK, help="the picture pack")
    arguments = parser.parse_args()
    torch.set_num_threads(min(8, os.cpu_count() or 1))
    client = OpenAI(
        base_url=arguments.url, api_key=os.environ.get("JOKEBOT_ENGINE_API_KEY", "none"), max_retries=0, timeout=120
    )
    served, engine = client.models.list().data[0].id, load_model(arguments.model, "float32")
    painter, _ = painters(load_pack(arguments.pack), arguments.model, torch.device("cpu"))
    prompts, exact, near = load_prompts(), 0, 0
    kinds = [
        (language, style) for language, part in prompts.languages.items() for style in part.styles if style != "neutral"
    ]
    for number in range(PICTURES):
        content = [
            {"type": "image_url", "image_url": {"url": to_data_url(painter.paint(1, 448).pictures[0])}},
            {"type": "text", "text": prompts.ask(*kinds[number % len(kinds)])},
        ]
        body = {
            "model": served,
            "max_tokens": 80,
            "temperature": 0,
            "top_p": 1,
            "messages": [{"role": "system", "content": engine.template.system}, {"role": "user", "content": content}],
        }
        theirs = (client.chat.completions.create(**body).choices[0].message.content or "").strip()
        ours, gaps = answer(engine, body)
        gap = 0.0 if ours == theirs else gaps[first_difference(engine, ours, theirs, len(gaps))]
        exact, near = exact + (ours == theirs), near + (gap < GAP)
        print(json.dumps({"ours": ours, "theirs": theirs, "gap": round(gap, 3)}, ensure_ascii=False), flush=True)
    print(json.dumps({"exact": exact, "near": near, "of": PICTURES}))


def answer(engine: CpuModel, body: dict[str, Any]) -> tuple[str, list[float]]:
    """The CPU engine's text, and for each token, the end included, its lead over the second best."""
    request = parse_request(body)
    pictures = [
        engine.cut_image(part, open_picture(part.url, MAX_PIXELS))
        for part in request.parts
        if isinstance(part, RequestImage)
    ]
    prompt = engine.prepare_prompt(request, pictures)
    sampler = GapSampler(request.sampling, prompt.ids)
    tokens: list[int] = []
    for token in engine.generate(prompt, sampler, lambda: False):
        tokens.append(token)
        if len(tokens) == request.max_tokens:
            break
    return engine.decode(tokens).strip(), sampler.gaps


def first_difference(engine: CpuModel, ours: str, theirs: str, gap_count: int) -> int:
    """The index of the first differing token, at most the last of `gap_count`."""
    mine, other = (engine.tokenizer.encode(text, add_special_tokens=False) for text in (ours, theirs))
    same = next(
        (index for index, pair in enumerate(zip(mine, other, strict=False)) if pair[0] != pair[1]),
        min(len(mine), len(other)),
    )
    return min(same, gap_count - 1)


if __name__ == "__main__":
    main()
