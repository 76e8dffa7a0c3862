"""The CPU engine computes a photo's features once for all jokes about it."""

import torch

from bot.engine.cpu import model as cpu_model
from bot.engine.cpu.model import CpuModel, TokenizedPrompt, load_model
from configs.settings import ROOT

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"


def prompt_of(model: CpuModel, seed: int) -> TokenizedPrompt:
    tokens = model.model.num_image_token
    pixels = torch.rand(1, 3, 448, 448, generator=torch.Generator().manual_seed(seed))
    return TokenizedPrompt([1, *[model.context] * tokens, 2], pixels)


def test_a_photo_that_comes_again_is_not_encoded_again_and_gives_the_same(monkeypatch):
    model, encoded = load_model(CHECKPOINT), []
    extract = model.model.extract_feature
    monkeypatch.setattr(model.model, "extract_feature", lambda tile: encoded.append(1) or extract(tile))
    with torch.inference_mode():
        first = model.embed_prompt(prompt_of(model, 1), lambda: False)
        assert torch.equal(model.embed_prompt(prompt_of(model, 1), lambda: False), first) and len(encoded) == 1
        other = model.embed_prompt(prompt_of(model, 2), lambda: False)
        assert not torch.equal(other, first) and len(encoded) == 2


def test_only_the_latest_photos_are_kept(monkeypatch):
    monkeypatch.setattr(cpu_model, "CACHED_TILES", 1)
    model, encoded = load_model(CHECKPOINT), []
    extract = model.model.extract_feature
    monkeypatch.setattr(model.model, "extract_feature", lambda tile: encoded.append(1) or extract(tile))
    with torch.inference_mode():
        for seed in (1, 2, 1):
            model.embed_prompt(prompt_of(model, seed), lambda: False)
    assert len(encoded) == 3
