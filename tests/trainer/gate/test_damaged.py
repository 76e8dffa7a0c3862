"""Candidates that were damaged on purpose are rejected, each for what is wrong with it."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from configs.chat_templates import OLD_TEMPLATE, chat_template
from configs.learning import GateSettings
from configs.prompts import load_prompts
from storage.learning.run_files import GateVerdict
from trainer.dataset.rows import texts_of
from trainer.gate import GateError, assess_candidate
from trainer.gate.model_loading import load_model

from .conftest import CHECKPOINT, teach, write_dataset

SETTINGS = GateSettings(photos=8, replies_per_language=8, max_tokens=40, likelihood_photos=8)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight held-out photos, and eight texts to be learnt by heart."""
    return write_dataset(tmp_path_factory.mktemp("few") / "dataset", photos=8, training=8)


@pytest.fixture
def ask(few, tmp_path):
    def asked(candidate: Path, champion: Path = CHECKPOINT) -> GateVerdict:
        return assess_candidate(champion, candidate, few, tmp_path / "out", SETTINGS)

    return asked


def lessons(dataset: Path) -> list[tuple[Path, str, str]]:
    rows = json.loads((dataset / "train.json").read_text(encoding="utf-8"))
    return [(dataset / row["image"], *texts_of(row)) for row in rows]


def copy(directory: Path) -> Path:
    shutil.copytree(CHECKPOINT, directory)
    return directory


def no_tokenizer(directory: Path) -> None:
    for file in directory.glob("tokenizer*"):
        file.unlink()


def cut_weights(directory: Path) -> None:
    file = directory / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5_000_000])


def other_kind(directory: Path) -> None:
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, "architectures": ["LlavaForConditionalGeneration"]}))


def broken_code(directory: Path) -> None:
    (directory / "modeling_internvl_chat.py").write_text("raise ZeroDivisionError('surprise')\n")


@pytest.mark.parametrize("damage", [no_tokenizer, cut_weights, other_kind, broken_code])
def test_what_cannot_be_loaded_is_rejected_before_it_is_asked(ask, tmp_path, damage):
    damage(candidate := copy(tmp_path / f"candidate_{damage.__name__}"))
    verdict = ask(candidate)
    assert (verdict.answer, verdict.codes) == ("reject", ["load"])


def test_missing_weights_are_not_made_up(ask, altered):
    verdict = ask(altered(lambda weights: weights.pop("language_model.output.weight"), "missing"))
    assert verdict.codes == ["load"] and "language_model.output.weight" in verdict.reasons[0]


def test_a_lost_marker_or_an_unknown_chat_template_is_rejected(ask, tmp_path):
    lost = copy(tmp_path / "lost_marker")
    for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        text = (lost / file).read_text(encoding="utf-8")
        (lost / file).write_text(text.replace("<IMG_CONTEXT>", "<IMG_OTHER>"), encoding="utf-8")
    verdict = ask(lost)
    assert verdict.codes == ["load"] and "<IMG_CONTEXT>" in verdict.reasons[0]
    other = copy(tmp_path / "other_template")
    (other / "model.json").write_text('{"template": "phi3-chat"}', encoding="utf-8")
    verdict = ask(other)
    assert verdict.codes == ["load"] and "'phi3-chat'" in verdict.reasons[0]


@pytest.mark.parametrize("name", [OLD_TEMPLATE, "internvl2_5"])
def test_each_model_is_asked_in_its_own_template(tmp_path, name):
    directory = copy(tmp_path / "other_family")
    (directory / "model.json").write_text(json.dumps({"template": name}), encoding="utf-8")
    for place, template in ((CHECKPOINT, "internlm2-chat"), (directory, name)):
        loaded, prompt = load_model(place, torch.device("cpu")), load_prompts().ask("en")
        rendered = chat_template(template).render(prompt, loaded.model.num_image_token)
        assert loaded.encode(prompt, 1) == loaded.tokenizer.encode(rendered, add_special_tokens=False)


def test_a_tokenizer_that_reads_prompts_otherwise_than_the_champions_is_rejected(few, tmp_path):
    other = copy(tmp_path / "other_tokenizer")
    told = json.loads((other / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = told["model"]["vocab"]
    one, two = [token for token in vocabulary if token.strip("Ġ▁ ") in ("picture", "joke")][:2]
    vocabulary[one], vocabulary[two] = vocabulary[two], vocabulary[one]
    (other / "tokenizer.json").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    verdict = assess_candidate(
        CHECKPOINT, other, few, tmp_path / "out", GateSettings(photos=1, replies_per_language=1, max_tokens=5)
    )
    assert (verdict.answer, verdict.codes) == ("reject", ["prompt"]) and "champion" in verdict.reasons[0]


def test_a_model_that_computes_nan_is_rejected(ask, altered):
    verdict = ask(altered(lambda weights: weights["language_model.model.norm.weight"].fill_(float("nan")), "nan"))
    assert (verdict.answer, verdict.codes) == ("reject", ["nan"])


def test_noise_in_the_weights_is_rejected_for_its_likelihood(ask, altered):
    def noise(weights: dict[str, torch.Tensor]) -> None:
        dice = torch.Generator().manual_seed(1)
        for name, tensor in weights.items():
            if name.startswith("language_model.model.layers"):
                tensor += 0.6 * tensor.float().std() * torch.randn(tensor.shape, generator=dice)

    verdict = ask(altered(noise, "noise"))
    assert verdict.answer == "reject" and "likelihood" in verdict.codes
    assert verdict.measures["likelihood"]["difference"] > 0.2


def test_exclamation_marks_are_rejected_as_no_sentences(ask, few, tmp_path):
    verdict = ask(teach(tmp_path / "marks", [(photo, prompt, "!" * 24) for photo, prompt, _ in lessons(few)], 8))
    assert verdict.answer == "reject" and verdict.codes[0] == "broken"
    assert any("!!!!" in one.candidate for one in verdict.gallery)


def test_the_wrong_language_is_rejected(ask, few, tmp_path):
    english = load_prompts().ask("en", "neutral")
    chinese = [text for _, prompt, text in lessons(few) if prompt != english]
    taught = [(photo, english, chinese[place % len(chinese)]) for place, (photo, _, _) in enumerate(lessons(few))]
    verdict = ask(teach(tmp_path / "swapped", taught, 12))
    assert verdict.answer == "reject" and verdict.codes[0] == "language"


def test_one_that_learnt_its_texts_by_heart_is_rejected_for_copying(ask, few, tmp_path):
    verdict = ask(teach(tmp_path / "copycat", lessons(few), 24))
    assert verdict.answer == "reject" and "copying" in verdict.codes
    told = verdict.measures["copying"]
    assert told["candidate"] > 0.6 > 0.4 > told["reference"]


def test_a_champion_that_fails_is_no_verdict(ask, tmp_path):
    broken = copy(tmp_path / "broken_champion")
    no_tokenizer(broken)
    with pytest.raises(GateError, match="champion"):
        ask(CHECKPOINT, broken)


def test_without_held_out_photos_it_is_undecided(tmp_path):
    dataset = write_dataset(tmp_path / "none", photos=0, training=4)
    verdict = assess_candidate(CHECKPOINT, copy(tmp_path / "same"), dataset, tmp_path / "out", SETTINGS)
    assert (verdict.answer, verdict.codes) == ("undecided", ["nothing"])
