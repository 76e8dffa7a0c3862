# environment: train
"""`make bench-demo_parity ARGS="--url http://127.0.0.1:23334/v1"`: whether another server says what the CPU engine says.

Made for LMDeploy on a GPU host (`benchmarks/gpu_demo_model.sh` starts it). 20 painted pictures, each with a style prompt, go
to the server at temperature 0; the same checkpoint writes its own replies here, with the CPU engine's arithmetic. Where two
texts differ, the gap between the two best log-probabilities is taken at the first token that differs: below 0.1 the two
were as good as equal, and bf16 may choose either. Printed last, as one JSON object:

    exact     replies that are equal
    near      replies that are equal, or differ first at a token whose gap is under 0.1
    of        pictures
"""
import argparse
import json
import os
from pathlib import Path
from typing import Any

import torch
from openai import OpenAI
from tokenizers import Tokenizer

from configs.prompts import load_prompts
from configs.settings import ROOT
from trainer.demo_model.batches import Encoder
from trainer.demo_model.build import load
from trainer.demo_model.evaluate import painters, write_replies
from trainer.demo_model.pack import load_pack
from trainer.demo_model.pictures import normalise, open_jpeg, to_data_url

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"
PACK = ROOT / "build" / "demo-model" / "pictures.zip"
PICTURES, GAP = 20, 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", required=True, help="the other server's address, /v1 included")
    parser.add_argument("--model", type=Path, default=CHECKPOINT, help="the checkpoint that it serves")
    parser.add_argument("--pack", type=Path, default=PACK, help="the picture pack")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    client = OpenAI(base_url=arguments.url, api_key=os.environ.get("JOKEBOT_ENGINE_API_KEY", "none"), max_retries=0, timeout=120)
    served = client.models.list().data[0].id
    model, tokenizer = load(arguments.model).eval(), Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    painter, _ = painters(load_pack(arguments.pack), arguments.model, torch.device("cpu"))
    prompts, exact, near = load_prompts(), 0, 0
    kinds = [(language, style) for language, part in prompts.languages.items() for style in part.styles if style != "neutral"]
    for number in range(PICTURES):
        user = prompts.ask(*kinds[number % len(kinds)])
        url = to_data_url(painter.paint(1, 448).pictures[0])
        theirs = ask(client, served, url, user)
        pictures = open_jpeg(url)[None]
        ours = write_replies(model, tokenizer, pictures, user)[0][0]
        gap = 0.0 if ours == theirs else gap_at_difference(model, tokenizer, pictures, user, ours, theirs)
        exact, near = exact + (ours == theirs), near + (gap < GAP)
        print(json.dumps({"ours": ours, "theirs": theirs, "gap": round(gap, 3)}, ensure_ascii=False))
    print(json.dumps({"exact": exact, "near": near, "of": PICTURES}))


def ask(client: OpenAI, served: str, url: str, user: str) -> str:
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": user}]
    answer = client.chat.completions.create(model=served, max_tokens=80, temperature=0, top_p=1,
                                            messages=[{"role": "system", "content": load_prompts().system},
                                                      {"role": "user", "content": content}])
    return (answer.choices[0].message.content or "").strip()


@torch.inference_mode()
def gap_at_difference(model: Any, tokenizer: Tokenizer, pictures: torch.Tensor, user: str, ours: str, theirs: str) -> float:
    """The two best log-probabilities' distance where the texts' tokens part."""
    mine, other = (tokenizer.encode(text, add_special_tokens=False).ids for text in (ours, theirs))
    same = next((place for place, pair in enumerate(zip(mine, other, strict=False)) if pair[0] != pair[1]), min(len(mine), len(other)))
    before, after = Encoder(tokenizer, load_prompts()).prompt(user)
    embed = model.language_model.get_input_embeddings()
    parts = [embed(torch.tensor([before])), model.extract_feature(normalise(pictures)), embed(torch.tensor([after + mine[:same]]))]
    state = model.language_model.model(inputs_embeds=torch.cat(parts, 1), use_cache=False).last_hidden_state[0, -1]
    best = model.language_model.output(state).float().log_softmax(-1).topk(2).values
    return float(best[0] - best[1])


if __name__ == "__main__":
    main()
