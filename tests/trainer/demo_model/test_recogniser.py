"""The recogniser's names: the most specific one that is likely enough, an honest nothing, and no word for a drawing."""

import numpy as np
import pytest
import torch

from configs.prompts import NOTHING_SEEN
from configs.settings import ROOT
from configs.subjects import load_subjects, load_vocabulary
from trainer.demo_model.recogniser import CLASSES, NameTree, PhotoRecogniser
from trainer.demo_model.recogniser_heads import drawing_heads, fit_probe

SAMPLES = sorted((ROOT / "configs" / "demo-model" / "samples").glob("*.jpg"))
SUBJECTS = load_subjects()
TREE = NameTree(load_vocabulary())


def chosen(classes: dict[int, float], drawings: dict[str, float] | None = None) -> str:
    """The name for probabilities of classes and of drawings; the rest is spread over all."""
    likely = np.full(CLASSES, (1 - sum(classes.values())) / CLASSES, np.float32)
    likely[list(classes)] += list(classes.values())
    alike = np.full(len(SUBJECTS), 1 / len(SUBJECTS), np.float32)
    if drawings:
        alike *= 1 - sum(drawings.values())
        alike[[[subject.en for subject in SUBJECTS].index(name) for name in drawings]] += list(drawings.values())
    return TREE.choose(likely, alike)


def test_a_likely_thing_is_named():
    assert chosen({130: 0.95}) == "flamingo"
    assert chosen({665: 0.6}, {"motorcycle": 0.5}) == "motorcycle"


def test_what_only_drawings_show_is_named_by_its_kind():
    assert chosen({}, {"rose": 0.9}) == "flower"


def test_what_is_one_of_several_things_is_named_by_its_kind():
    assert chosen({99: 0.25, 97: 0.25, 22: 0.25, 144: 0.2}) == "bird"
    assert chosen({}, {"rose": 0.25, "tulip": 0.25, "hibiscus": 0.25}) == "flower"


def test_where_nothing_is_likely_nothing_is_named():
    assert chosen({}) == NOTHING_SEEN
    assert chosen({130: 0.1, 665: 0.1, 859: 0.1}) == NOTHING_SEEN


def test_the_kinds_of_subjects_without_classes_are_names():
    names = {subject.en for subject in load_vocabulary()}
    assert {kind for subject in load_vocabulary() for kind in subject.kinds} <= names


def test_the_probe_tells_two_sorts_of_features_apart():
    draw = torch.manual_seed(8)
    photos, drawings = (torch.randn(40, 6, generator=draw) + shift for shift in (1.5, -1.5))
    probe = fit_probe(photos, drawings)
    assert (photos @ probe[:-1] + probe[-1] > 0).float().mean() > 0.95
    assert (drawings @ probe[:-1] + probe[-1] < 0).float().mean() > 0.95


def test_features_like_a_subjects_drawings_are_nearest_to_it():
    draw = torch.manual_seed(9)
    centres = 4 * torch.randn(3, 16, generator=draw)
    subjects = torch.arange(3).repeat(5)
    heads = drawing_heads(centres[subjects] + torch.randn(15, 16, generator=draw), subjects, torch.zeros(2, 16))
    assert heads["drawings"].shape == (len(SUBJECTS), 16) and not heads["drawings"][3:].any()
    alike = torch.nn.functional.normalize(centres / heads["spread"], dim=1) @ heads["drawings"].T
    assert alike.argmax(1).tolist() == [0, 1, 2]


@pytest.fixture(scope="module")
def recogniser() -> PhotoRecogniser:
    return PhotoRecogniser.load()


def test_a_drawing_is_left_to_the_model_or_named_rightly(recogniser):
    seen = {picture.stem: recogniser.see(picture.read_bytes()) for picture in SAMPLES}
    assert {name: word for name, word in seen.items() if word not in (None, name)} == {}
    assert list(seen.values()).count(None) >= len(SAMPLES) / 2
