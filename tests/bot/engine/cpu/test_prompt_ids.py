"""Serving and training give the model the same tokens and the same pixels for the same photo and text.

The prompt is made in four ways: by the CPU engine, by XTuner's dataset as `trainer/xtuner` configures it, by our own
dataset, and by the gate. All must have the ids of the family's own code (tests/official_models.py).
tests/bot/engine/lmdeploy/test_prompt.py does the same for LMDeploy.
"""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from skimage import data

from bot.engine.cpu.model import CpuModel, TokenizedPrompt, load_model
from bot.engine.cpu.preprocess import open_picture
from bot.engine.cpu.protocol import ChatRequest, RequestImage, parse_request
from configs.chat_templates import DEFAULT_TEMPLATE, chat_template, chat_templates
from configs.prompts import load_prompts
from configs.tiling import tile_count
from tests.official_models import CONVERSATIONS, official_prompt
from trainer.dataset.token_budget import load_token_budget
from trainer.gate.model_loading import LoadedModel
from trainer.xtuner import compat

compat.apply_repairs()

from trainer.xtuner.dataset import JokeDataset, adds_bos, training_template  # noqa: E402
from trainer.xtuner.packed_dataset import PackedDataset  # noqa: E402
from trainer.xtuner.rows import TrainingRow, save_rows  # noqa: E402

PROMPTS = load_prompts()
STYLES = [(language, style) for language, part in PROMPTS.languages.items() for style in part.styles]
CAPTION = 'My cat, "the boss" 老板 <img>: 50% | {off}'
JOKE = "Why did the cat cross the road? 因为对面有鱼 😂"
TILES = 6


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "cat.jpg"
    Image.fromarray(data.chelsea()).resize((1280, 1024)).save(path)
    return path


@pytest.fixture(scope="module")
def checkpoint_6(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint with more tiles; XTuner takes their number from the checkpoint."""
    directory = tmp_path_factory.mktemp("models") / "joker6"
    directory.mkdir()
    for file in checkpoint.iterdir():
        (directory / file.name).write_bytes(file.read_bytes())
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    (directory / "config.json").write_text(json.dumps({**config, "max_dynamic_patch": TILES}), encoding="utf-8")
    return directory


def engine_request(photo: Path, text: str, to_url: Any, system: str) -> ChatRequest:
    """The request of the bot's client, as the engine parses it."""
    url = to_url(Image.open(photo), "PNG")
    image = {"type": "image_url", "image_url": {"url": url, "max_dynamic_patch": TILES}}
    return parse_request(
        {
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": [image, {"type": "text", "text": text}]},
            ]
        }
    )


def prepare(model: CpuModel, request: ChatRequest) -> TokenizedPrompt:
    """The engine's input to the model."""
    part = request.parts[0]
    assert isinstance(part, RequestImage)
    return model.prepare_prompt(request, [model.cut_image(part, open_picture(part.url, 50_000_000))])


def training_row(checkpoint: Path, photo: Path, text: str, folder: Path, template: str = "") -> dict[str, Any]:
    """XTuner's dataset row for the exporter's row."""
    row = {
        "image": photo.name,
        "conversations": [{"from": "human", "value": f"<image>\n{text}"}, {"from": "gpt", "value": JOKE}],
    }
    (folder / "row.json").write_text(json.dumps([row], ensure_ascii=False), encoding="utf-8")
    return JokeDataset(
        model_path=str(checkpoint),
        data_paths=str(folder / "row.json"),
        image_folders=str(photo.parent),
        max_length=8192,
        template=template or DEFAULT_TEMPLATE,
    )[0]


def packed_row(checkpoint: Path, photo: Path, text: str, folder: Path, template: str) -> dict[str, Any]:
    """Our own dataset's row for the same."""
    save_rows([TrainingRow("1", photo.name, "0", tile_count(1280, 1024, TILES), text, JOKE)], folder / "rows.json")
    features = (str(folder / "features"), 256, 128)
    rows = str(folder / "rows.json")
    return PackedDataset(str(checkpoint), str(photo.parent), rows, features, TILES, 8192, template)[0]


@pytest.mark.parametrize("template", CONVERSATIONS)
@pytest.mark.parametrize(("language", "style"), STYLES)
def test_every_way_gives_the_tokens_of_the_familys_own_code(
    template: str,
    language: str,
    style: str,
    model: CpuModel,
    checkpoint_6: Path,
    photo: Path,
    to_url: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = PROMPTS.ask(language, style, caption=CAPTION)
    monkeypatch.setattr(model, "template", chat_template(template))
    context = 256 * tile_count(1280, 1024, TILES)
    # Without tokens of its own, the tokenizer is asked for the BOS that OpenGVLab's adds.
    official = model.tokenizer.encode("<s>" + official_prompt(template, text, context), add_special_tokens=False)

    prompt = prepare(model, engine_request(photo, text, to_url, chat_template(template).system))
    row = training_row(checkpoint_6, photo, text, tmp_path, template)
    supervised = [token for token in row["labels"] if token != -100]
    ours = packed_row(checkpoint_6, photo, text, tmp_path, template)
    gate = LoadedModel(checkpoint_6, chat_template(template), model.model, model.tokenizer, torch.device("cpu"))
    budget = load_token_budget(checkpoint_6, 8192)

    assert prompt.ids == official
    assert row["input_ids"] == official + supervised
    assert ours["ids"].tolist() == official + supervised and ours["answer"] == len(official)
    assert gate.encode(text, context // 256) == official
    length = budget.length(text, JOKE, 1280, 1024, chat_template(template))
    assert length == len(official) + len(supervised)
    assert prompt.ids.count(model.context) == context > 256
    assert prompt.ids.count(model.tokenizer.bos_token_id) == 1
    assert model.decode(supervised) == JOKE and supervised[-1] in model.stops


def test_the_engine_and_the_budget_take_the_template_from_the_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    for name in chat_templates():
        directory = shutil.copytree(checkpoint, tmp_path / name)
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        (directory / "config.json").write_text(json.dumps({**config, "template": name}), encoding="utf-8")
        assert load_token_budget(directory, 8192).template.name == name
    assert load_model(tmp_path / "internvl2_5", "float32").template.name == "internvl2_5"


def test_training_and_serving_give_the_same_pixels(
    model: CpuModel, checkpoint_6: Path, photo: Path, to_url: Any, tmp_path: Path
) -> None:
    request = engine_request(photo, "hi", to_url, "")
    pixels = prepare(model, request).pixels
    assert torch.equal(pixels, training_row(checkpoint_6, photo, "hi", tmp_path)["pixel_values"])


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA", "P", "1"])
def test_pictures_of_every_mode_give_the_same_pixels(
    mode: str, model: CpuModel, checkpoint_6: Path, photo: Path, to_url: Any, tmp_path: Path
) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"
    path = tmp_path / f"odd.{kind.lower()}"
    Image.open(photo).convert(mode).resize((300, 200)).save(path)
    request = parse_request(
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "image_url",
                            "image_url": {"url": to_url(Image.open(io.BytesIO(path.read_bytes())), kind)},
                        }
                    ],
                }
            ]
        }
    )
    pixels = prepare(model, request).pixels
    assert torch.equal(pixels[-1], training_row(checkpoint_6, path, "hi", tmp_path)["pixel_values"][-1])


def test_the_bos_comes_once_also_with_a_tokenizer_that_adds_one() -> None:
    class BosAddingTokenizer:
        """A tokenizer that adds the BOS itself, like OpenGVLab's InternLM2Tokenizer."""

        bos_token_id = 1

        def encode(self, text: str, add_special_tokens: bool) -> list[int]:
            return [1, 5] if add_special_tokens else [5]

    assert adds_bos(BosAddingTokenizer())
    assert not training_template(chat_template(), True).SYSTEM.startswith("<s>")
    assert training_template(chat_template(), False).SYSTEM.startswith("<s><|im_start|>system")
