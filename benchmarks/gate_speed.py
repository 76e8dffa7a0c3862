# environment: train
"""`make bench-gate_speed`: duration of the gate for both models.

The held-out photos are gradients with shapes, with three rated jokes each. `--shape demo` (the demo model, one tile per
photo) is for a CPU. `--shape 2b` uses random weights of InternVL2-2B's shape, whose jokes always reach
`gate.max_tokens`: the worst case. `--side` is the photos' longer side; 1,280 × 960 gives 13 tiles. The last output line
is one JSON object: `gate_s`, wall seconds of the assessment; `cpu_s`; `photos`; `replies` of each model; `jokes` with a
measured likelihood; `device`; `memory_mb`, peak memory of the GPU or else of the process.
"""

import argparse
import hashlib
import io
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine import finish, machine  # noqa: E402
from configs.learning import GateSettings  # noqa: E402
from configs.prompts import load_prompts  # noqa: E402
from trainer.demo_model.architectures import SHAPES  # noqa: E402
from trainer.demo_model.random_weights import write_random  # noqa: E402
from trainer.gate import assess_candidate  # noqa: E402

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"
TEXTS = (
    ("en", "The fox declined to comment, but its lawyer is very expensive.", 3),
    ("zh", "在三千年，狐狸当了总统，人类被当作手机铃声。", 3),
    ("en", "The fox won a prize for being outstanding: it was out, standing in a field.", 1),
)


def write_dataset(directory: Path, photos: int, side: int) -> Path:
    (directory / "images").mkdir(parents=True)
    rows, entries = [], []
    for number in range(photos):
        picture = Image.linear_gradient("L").resize((side, side * 3 // 4)).convert("RGB")
        ImageDraw.Draw(picture).ellipse(
            (number, number, number + side // 3, number + side // 3), fill=f"hsl({7 * number % 360}, 80%, 50%)"
        )
        picture.save(file := io.BytesIO(), "JPEG")
        image = f"images/{hashlib.sha256(file.getvalue()).hexdigest()}.jpg"
        (directory / image).write_bytes(file.getvalue())
        for index, (language, text, value) in enumerate(TEXTS):
            row_id = f"joke-{number}-{index}"
            rows.append(
                {
                    "id": row_id,
                    "image": image,
                    "image_wh": list(picture.size),
                    "length": 1,
                    "conversations": [
                        {"from": "human", "value": f"<image>\n{load_prompts().ask(language)}"},
                        {"from": "gpt", "value": text},
                    ],
                }
            )
            entries.append(
                {
                    "id": row_id,
                    "part": "holdout",
                    "language": language,
                    "ratings": [{"rater": 0, "value": value, "weight": 1.0}],
                }
            )
    for name, content in (
        ("train", []),
        ("holdout", rows),
        ("manifest", {"format": 1, "name": "speed", "rows": entries}),
    ):
        (directory / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return directory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=("demo", "2b"), default="demo")
    parser.add_argument("--model", type=Path, help="a checkpoint in place of those")
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--side", type=int, default=1280)
    parser.add_argument("--save", default="", metavar="MACHINE", help="keep benchmarks/results/gate_speed_MACHINE.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        model = arguments.model or CHECKPOINT
        if arguments.shape == "2b" and not arguments.model:
            write_random(model := work / "random", SHAPES["2b"], seed=1)
        dataset = write_dataset(work / "dataset", arguments.photos, arguments.side)
        start, cpu = time.monotonic(), time.process_time()
        verdict = assess_candidate(
            model,
            model,
            dataset,
            work / "out",
            GateSettings(photos=arguments.photos),
            lambda step, done, of: print(f"{step} {done}/{of}", file=sys.stderr),
        )
        gate_s, cpu_s = round(time.monotonic() - start, 1), round(time.process_time() - cpu, 1)
    import torch  # after the gate has set how threads wait

    cuda = torch.cuda.is_available()
    memory = (
        torch.cuda.max_memory_allocated() / 1e6 if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    )
    finish(
        {
            "shape": arguments.shape,
            "gate_s": gate_s,
            "cpu_s": cpu_s,
            "photos": arguments.photos,
            "side": arguments.side,
            "replies": verdict.measures["replies"]["candidate"]["replies"],
            "jokes": arguments.photos * len(TEXTS),
            "answer": verdict.answer,
            "device": torch.cuda.get_device_name() if cuda else "cpu",
            "memory_mb": round(memory),
            "date": time.strftime("%Y-%m-%d"),
            "machine": machine(),
        },
        "gate_speed",
        arguments.save,
    )


if __name__ == "__main__":
    main()
