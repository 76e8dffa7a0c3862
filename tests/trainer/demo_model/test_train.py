"""Parts of the training step by themselves."""

import random

import torch
from tokenizers import Tokenizer

from configs.chat_templates import chat_template
from configs.prompts import load_prompts
from configs.subjects import load_subjects
from trainer.demo_model.batches import TextEncoder
from trainer.demo_model.build import load
from trainer.demo_model.joke_templates import TemplateWriter, load_shapes
from trainer.demo_model.train import DROP_RATE, make_layers_passable


def test_loss_is_on_the_answers_and_their_ends_alone(tiny):
    tokenizer, subjects, draw = Tokenizer.from_file(str(tiny / "tokenizer.json")), load_subjects(), random.Random(5)
    writer = TemplateWriter(load_prompts(), load_shapes(), subjects)
    turns = [writer.turn(subjects[number], draw) for number in range(6)]
    batch = TextEncoder(tokenizer, chat_template()).batch(list(range(9)), turns)
    assert len(batch.subjects) == 9 and len(batch.after) == 6
    longest, end = batch.after.shape[1], tokenizer.token_to_id("<|im_end|>")
    for row, turn in enumerate(turns):
        here = batch.places // longest == row
        assert tokenizer.decode(batch.labels[here].tolist(), skip_special_tokens=True) == turn.answer
        assert batch.labels[here][-1] == end
        # What stands at a place is the token before its label.
        assert torch.equal(batch.after.flatten()[batch.places[here][1:]], batch.labels[here][:-1])


def test_pictures_pass_by_layers_in_training_only_and_the_mean_stays(tiny):
    model = load(tiny)
    layers, hidden = model.vision_model.encoder.layers, torch.randn(400, 3, 128, generator=torch.manual_seed(6))
    layer = layers[1].eval()
    with torch.inference_mode():
        whole = layer(hidden)
        make_layers_passable(layers)
        assert torch.equal(layer(hidden), whole)
        layer.train()
        trained = layer(hidden)
    passed = (trained == hidden).all(2).all(1)
    assert 0.3 * 400 * DROP_RATE < int(passed.sum()) < 2 * 400 * DROP_RATE
    assert torch.allclose((trained - hidden)[~passed] * (1 - DROP_RATE), (whole - hidden)[~passed], atol=1e-4)
    assert "vision_model.encoder.layers.1.ls1" in model.state_dict()
