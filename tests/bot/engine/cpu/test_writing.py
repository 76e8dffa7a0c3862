"""The CPU engine samples tokens and turns them into text."""

import importlib
import types
from collections.abc import Iterator
from typing import Any, cast

import pytest
import torch

from bot.engine.cpu.model import CpuModel, GenerationCancelled
from bot.engine.cpu.protocol import RequestError, SamplerOptions, parse_request
from bot.engine.cpu.sampling import TokenSampler, nucleus
from bot.engine.cpu.text_stream import BROKEN, TextStream
from bot.engine.cpu.worker import GenerationJob, GenerationWorker
from configs.tiling import cut_tiles


def prompt(model: CpuModel, text: str = "tell a joke") -> Any:
    return model.prepare_prompt(parse_request({"messages": [{"role": "user", "content": text}]}), [])


def stream(model: CpuModel, text: str, *stop: str) -> tuple[list[str], bool]:
    """A text's chunks if each byte is a token, the worst case of a tokenizer."""
    tokens = [
        model.tokenizer.convert_tokens_to_ids(unit)
        for unit in model.tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)
        for unit in unit[0]
    ]
    assert len(tokens) == len(text.encode())
    out, pieces = TextStream(model.decode, stop), []
    for token in tokens:
        pieces.append(out.push(token))
        if out.stopped:
            break
    return [piece for piece in [*pieces, out.finish()] if piece], out.stopped


def test_characters_are_held_back_until_they_are_whole(model: CpuModel) -> None:
    text = "猫 says 你好😂, ñ!"
    pieces, stopped = stream(model, text)
    assert "".join(pieces) == text and not stopped
    assert "😂" in pieces and all(BROKEN not in piece for piece in pieces)


def test_bytes_that_never_become_a_character_are_not_sent(model: CpuModel) -> None:
    out = TextStream(model.decode)
    units = model.tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str("a猫")[0][0]
    tokens = [model.tokenizer.convert_tokens_to_ids(unit) for unit in units]
    assert [out.push(token) for token in tokens[:-1]] == ["a", "", ""]
    assert out.finish() == ""


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (("END",), "one, two, "),
        (("two", "one"), ""),
        (("nothing",), "one, two, END of it"),
        ((", ", "END"), "one"),
        (("EN",), "one, two, "),
        (("it!", "of it"), "one, two, END "),
    ],
)
def test_nothing_of_a_stop_string_or_after_it_is_sent(model: CpuModel, stop: tuple[str, ...], expected: str) -> None:
    pieces, stopped = stream(model, "one, two, END of it", *stop)
    assert "".join(pieces) == expected
    assert stopped == (stop != ("nothing",))


def test_text_that_only_looks_like_the_beginning_of_a_stop_string_comes_late_but_whole(model: CpuModel) -> None:
    pieces, stopped = stream(model, "EENE EN", "END")
    assert "".join(pieces) == "EENE EN" and not stopped


def test_temperature_zero_takes_the_likeliest() -> None:
    assert TokenSampler(SamplerOptions(temperature=0), []).choose_token(torch.tensor([0.1, 3.0, 2.9])) == 1


def test_sampling_follows_the_probabilities_and_the_seed() -> None:
    logits = torch.log(torch.tensor([0.7, 0.2, 0.1]))
    draws = [
        [TokenSampler(SamplerOptions(seed=seed), []).choose_token(logits.clone()) for seed in range(2000)]
        for _ in range(2)
    ]
    assert draws[0] == draws[1]
    assert [draws[0].count(token) / 2000 for token in range(3)] == pytest.approx([0.7, 0.2, 0.1], abs=0.04)


def test_the_nucleus_is_the_smallest_set_that_reaches_top_p() -> None:
    probabilities = torch.tensor([0.1, 0.5, 0.15, 0.25])
    assert nucleus(probabilities, 0.7).tolist() == pytest.approx([0, 0.5, 0, 0.25])
    assert nucleus(probabilities, 0.0).nonzero().flatten().tolist() == [1]
    assert torch.equal(nucleus(probabilities, 1.0), probabilities)


def test_the_repetition_penalty_pushes_down_what_was_said() -> None:
    logits = torch.tensor([2.0, 1.9, -1.0, -1.1])
    sampler = TokenSampler(SamplerOptions(temperature=0, repetition_penalty=1.2), [2])
    assert sampler.choose_token(logits.clone()) == 0
    changed = logits.clone()
    sampler.penalise(changed)
    assert changed.tolist() == pytest.approx([2.0 / 1.2, 1.9, -1.2, -1.1])
    assert sampler.choose_token(logits.clone()) == 1


def test_a_text_ends_where_its_last_words_have_come_too_often() -> None:
    sampler = TokenSampler(SamplerOptions(ngram_size=2, ngram_threshold=3), [])
    assert not sampler.is_repetitive([1, 2, 3, 1, 2]) and not sampler.is_repetitive([1, 2, 9, 1, 2, 9, 2, 1])
    assert sampler.is_repetitive([1, 2, 1, 2, 1, 2]) and sampler.is_repetitive([1, 2, 7, 1, 2, 8, 1, 2])
    assert not TokenSampler(SamplerOptions(), []).is_repetitive([1] * 99)


class ScriptedSampler(TokenSampler):
    """Chooses scripted tokens, regardless of the model's logits."""

    def __init__(self, tokens: list[int]) -> None:
        super().__init__(SamplerOptions(), [])
        self.tokens = iter(tokens)

    def choose_token(self, logits: torch.Tensor) -> int:
        return next(self.tokens)


@pytest.mark.parametrize("end", ["<|im_end|>", "</s>", "<|im_start|>"])
def test_a_text_ends_at_the_end_of_the_turn(model: CpuModel, end: str) -> None:
    tokens = [
        *model.tokenizer.encode("haha", add_special_tokens=False),
        model.tokenizer.convert_tokens_to_ids(end),
        300,
    ]
    written = list(model.generate(prompt(model), ScriptedSampler(tokens), lambda: False))
    assert model.decode(written) == "haha"


def test_writing_stops_at_the_next_token_after_a_cancel(model: CpuModel) -> None:
    written: list[int] = []
    with pytest.raises(GenerationCancelled):
        for token in model.generate(prompt(model), TokenSampler(SamplerOptions(), []), lambda: len(written) == 3):
            written.append(token)
    assert len(written) == 3


def test_the_decoding_loop_agrees_with_transformers_generate(model: CpuModel, cat: Any, url: str) -> None:
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "讲一个笑话"}]
    ready = model.prepare_prompt(
        parse_request({"messages": [{"role": "user", "content": content}]}), [cut_tiles(cat, 2)]
    )
    written = [
        token
        for token, _ in zip(
            model.generate(ready, TokenSampler(SamplerOptions(temperature=0), []), lambda: False),
            range(8),
            strict=False,
        )
    ]
    model.model.img_context_token_id = model.context
    ids = torch.tensor([ready.ids])
    generated = model.model.generate(ready.pixels, ids, torch.ones_like(ids), max_new_tokens=8, do_sample=False)
    assert written == generated[0].tolist()


def test_the_loop_runs_on_modelling_code_that_hands_caches_on_as_tuples(model: CpuModel) -> None:
    """OpenGVLab's code does so; XTuner has a copy of InternLM2 that takes and returns such tuples."""
    theirs = importlib.import_module("xtuner._lite.modelings.internlm2.modeling_internlm2")
    config = theirs.InternLM2Config(**model.model.config.llm_config.to_dict() | {"attn_implementation": "eager"})
    reference = theirs.InternLM2ForCausalLM(config).eval()
    reference.load_state_dict(model.model.language_model.state_dict(), strict=True)
    other = CpuModel(
        types.SimpleNamespace(config=model.model.config, language_model=reference, num_image_token=256),
        model.tokenizer,
        model.template,
    )

    def write(writer: CpuModel) -> list[int]:
        tokens = writer.generate(prompt(writer), TokenSampler(SamplerOptions(temperature=0), []), lambda: False)
        return [token for token, _ in zip(tokens, range(8), strict=False)]

    assert isinstance(reference(torch.tensor([[5]]), use_cache=True).past_key_values, tuple)
    assert write(other) == write(model)


class FailingModel:
    """A model that fails in the middle of its second text."""

    def __init__(self, model: CpuModel) -> None:
        self.model, self.texts = model, 0
        self.decode, self.prepare_prompt = model.decode, model.prepare_prompt

    def generate(self, *arguments: Any) -> Iterator[int]:
        self.texts += 1
        for number, token in enumerate(self.model.generate(*arguments)):
            if self.texts == 2 and number == 3:
                raise MemoryError("none left")
            yield token


async def test_a_failure_ends_its_own_request_and_no_other(model: CpuModel, caplog: pytest.LogCaptureFixture) -> None:
    worker = GenerationWorker(cast(CpuModel, FailingModel(model)), 4)
    request = parse_request({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5})
    jobs = [GenerationJob(request, []) for _ in range(3)]
    for job in jobs:
        worker.submit(job)
    worker.start()
    assert [[piece.finish async for piece in jobs[number].chunks()][-1] for number in (0, 2)] == ["length", "length"]
    with pytest.raises(RequestError, match="its log says why") as caught:
        [piece async for piece in jobs[1].chunks()]
    assert caught.value.status == 500 and "none left" in caplog.text
    worker.stop()
    worker.thread.join(60)
    with pytest.raises(RequestError, match="busy"):
        worker.submit(GenerationJob(request, []))
