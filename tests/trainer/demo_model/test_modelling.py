"""The modelling code of every checkpoint: it loads in transformers and computes the same as InternVL2."""

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoModel, AutoTokenizer

from configs.chat_templates import chat_template
from trainer.demo_model.architectures import CONTEXT_TOKENS


@pytest.fixture(scope="module")
def model(tiny: Path) -> Any:
    loaded, report = AutoModel.from_pretrained(
        tiny, trust_remote_code=True, torch_dtype=torch.bfloat16, output_loading_info=True
    )
    assert not any(report.values())
    return loaded.float().eval()


@pytest.fixture(scope="module")
def tokenizer(tiny: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny, trust_remote_code=True)


@pytest.fixture
def pixels() -> torch.Tensor:
    return torch.randn(2, 3, 448, 448, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def ids(tokenizer: Any, model: Any) -> torch.Tensor:
    model.img_context_token_id = tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>")
    prompt = chat_template().render("讲一个笑话", 2 * CONTEXT_TOKENS)
    return tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids


def test_a_tile_becomes_256_tokens_of_the_language_models_size(model: Any, pixels: torch.Tensor) -> None:
    assert model.num_image_token == CONTEXT_TOKENS == 256
    with torch.inference_mode():
        assert model.extract_feature(pixels).shape == (2, 256, model.config.llm_config.hidden_size)


def test_pixel_shuffle_folds_squares_of_neighbours(model: Any) -> None:
    patches = torch.arange(16).reshape(1, 4, 4, 1).float()
    folded = model.pixel_shuffle(patches)
    assert folded.shape == (1, 2, 2, 4)
    assert folded[0, 0, 1].sort().values.tolist() == [2, 3, 6, 7]


def test_the_picture_changes_what_is_written_and_no_picture_works_too(
    model: Any, tokenizer: Any, pixels: torch.Tensor
) -> None:
    config = {"max_new_tokens": 12, "do_sample": False}
    one, two = (model.chat(tokenizer, tiles, "tell a joke", dict(config)) for tiles in (pixels, pixels.flip(0) * 3))
    assert one and two and one != two
    assert model.chat(tokenizer, None, "tell a joke", dict(config))


def test_generate_returns_what_recomputing_every_step_returns(
    model: Any, ids: torch.Tensor, pixels: torch.Tensor
) -> None:
    new = model.generate(pixels, ids, torch.ones_like(ids), max_new_tokens=6, do_sample=False)[0]
    text = ids
    with torch.inference_mode():
        for _ in range(6):
            token = model(pixels, text, use_cache=False).logits[:, -1].argmax(-1, keepdim=True)
            text = torch.cat([text, token], dim=1)
    assert new.tolist() == text[0, -6:].tolist()


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_does_not_change_a_text(model: Any, tokenizer: Any, side: str) -> None:
    short, long = (torch.tensor(tokenizer.encode(text)) for text in ("a cat", "why did the cat cross the road"))
    pad = torch.full((len(long) - len(short),), 2)
    padded = torch.stack([torch.cat([pad, short] if side == "left" else [short, pad]), long])
    mask = torch.stack(
        [torch.cat([pad * 0, short * 0 + 1] if side == "left" else [short * 0 + 1, pad * 0]), long * 0 + 1]
    )
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    with torch.inference_mode():
        alone = model.language_model(short[None]).logits[0]
        together = model.language_model(padded, attention_mask=mask, position_ids=positions).logits[0]
    torch.testing.assert_close(together[mask[0] == 1], alone, atol=1e-5, rtol=1e-4)


def test_wrong_numbers_of_context_tokens_are_an_error(model: Any, ids: torch.Tensor, pixels: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="512 context tokens for 1 tiles of 256"):
        model(pixels[:1], ids)


def test_the_vision_half_gives_the_numbers_of_xtuners_copy(
    model: Any, pixels: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = types.ModuleType("timm.models.layers")
    layers.DropPath = nn.Identity  # timm is not installed; without a drop rate it is never built
    for name, module in {
        "timm": types.ModuleType("timm"),
        "timm.models": types.ModuleType("timm.models"),
        "timm.models.layers": layers,
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    theirs = importlib.import_module("xtuner._lite.modelings.internvl2.modeling_intern_vit")
    reference = theirs.InternVisionModel(theirs.InternVisionConfig(**model.config.vision_config.to_dict())).eval()
    reference.load_state_dict(model.vision_model.state_dict(), strict=True)
    with torch.inference_mode():
        torch.testing.assert_close(
            model.vision_model(pixels).last_hidden_state, reference(pixels).last_hidden_state, atol=1e-5, rtol=1e-4
        )


def test_the_language_half_gives_the_numbers_of_xtuners_copy(model: Any, ids: torch.Tensor) -> None:
    theirs = importlib.import_module("xtuner._lite.modelings.internlm2.modeling_internlm2")
    config = model.config.llm_config.to_dict() | {"attn_implementation": "eager"}
    reference = theirs.InternLM2ForCausalLM(theirs.InternLM2Config(**config)).eval()
    reference.load_state_dict(model.language_model.state_dict(), strict=True)
    with torch.inference_mode():
        torch.testing.assert_close(model.language_model(ids).logits, reference(ids).logits, atol=1e-5, rtol=1e-4)


def test_rope_grows_only_past_the_trained_length(model: Any) -> None:
    rotary = sys.modules[type(model.language_model).__module__].rotary
    config = model.config.llm_config
    short = torch.arange(16)[None]
    plain = rotary(type(config)(**{**config.to_dict(), "rope_scaling": None}), short, torch.float32)
    assert all(torch.equal(*pair) for pair in zip(rotary(config, short, torch.float32), plain, strict=True))
    long = torch.tensor([[5, 2 * config.max_position_embeddings - 1]])
    stretched, unstretched = (
        rotary(kind, long, torch.float32)[0][0, 0, 0]
        for kind in (config, type(config)(**{**config.to_dict(), "rope_scaling": None}))
    )
    assert not torch.equal(stretched, unstretched)
