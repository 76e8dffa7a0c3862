"""Token batches for the demo model: uniformly sampled subjects, with questions and answers about them, padded."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from tokenizers import Tokenizer
from torch.utils.data import IterableDataset, get_worker_info

from configs.chat_templates import ChatTemplate, chat_template
from configs.subjects import PictureSubject
from trainer.demo_model.joke_templates import DialogueTurn, TemplateWriter

CACHE_SIZE = 50_000
IGNORED = -100
"""The label of tokens without loss, which are all but the answer's."""


@dataclass(frozen=True)
class TrainingBatch:
    """A batch: `subjects` (pictures,), `before` (k,), `after` (asked, longest); the first pictures have questions.

    All prompts have the same tokens before the picture, which are stored once. `places` (tokens,) are the flat indices
    in `after` whose next token belongs to an answer, and `labels` (tokens,) these next tokens. They are computed here
    to avoid synchronisation with a GPU.
    """

    subjects: torch.Tensor
    before: torch.Tensor
    after: torch.Tensor
    places: torch.Tensor
    labels: torch.Tensor

    def to(self, device: torch.device) -> "TrainingBatch":
        parts = (self.subjects, self.before, self.after, self.places, self.labels)
        return TrainingBatch(*(part.to(device, non_blocking=True) for part in parts))


class TextEncoder:
    """Encodes turns in a chat template as token ids before and after the picture."""

    def __init__(self, tokenizer: Tokenizer, template: ChatTemplate) -> None:
        self.tokenizer, self.template = tokenizer, template
        self.context = tokenizer.token_to_id(template.context)
        self.padding = tokenizer.token_to_id(template.eos)
        # Questions and answers repeat often, and encoding them would take most of the time.
        self.prompt = lru_cache(CACHE_SIZE)(self.encode_prompt)
        self.answer = lru_cache(CACHE_SIZE)(self.encode_answer)

    def encode_answer(self, text: str) -> list[int]:
        """The answer's ids with the end of the turn."""
        return self.tokenizer.encode(text + self.template.end, add_special_tokens=False).ids

    def encode_prompt(self, user: str) -> tuple[list[int], list[int]]:
        """The prompt's ids before and after the picture's tokens."""
        ids = self.tokenizer.encode(self.template.render(user, 1), add_special_tokens=False).ids
        place = ids.index(self.context)
        return ids[:place], ids[place + 1 :]

    def batch(self, subjects: list[int], turns: list[DialogueTurn]) -> TrainingBatch:
        """A batch of the subjects of all pictures and the turns about the first ones."""
        rows, labels = [], []
        before: list[int] = []
        for turn in turns:
            before, asked = self.prompt(turn.user)
            answer = self.answer(turn.answer)
            rows.append(asked + answer[:-1])
            labels.append([IGNORED] * (len(asked) - 1) + answer)
        shifted = padded(labels, IGNORED).flatten()
        places = (shifted != IGNORED).nonzero()[:, 0]
        return TrainingBatch(
            torch.tensor(subjects), torch.tensor(before), padded(rows, self.padding), places, shifted[places]
        )


def padded(rows: list[list[int]], value: int) -> torch.Tensor:
    """Pad rows of different lengths to (rows, longest)."""
    longest = max(map(len, rows))
    return torch.tensor([row + [value] * (longest - len(row)) for row in rows])


class BatchStream(IterableDataset[TrainingBatch]):
    """Endless batches of `size` pictures, the first `asked` of them with a turn. Each worker has its own stream."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        subjects: tuple[PictureSubject, ...],
        writer: TemplateWriter,
        known: Sequence[int],
        size: int,
        asked: int,
        seed: int,
    ) -> None:
        self.vocabulary = tokenizer.to_str()
        self.subjects, self.writer, self.known = subjects, writer, known
        self.size, self.asked, self.seed = size, asked, seed

    def __iter__(self) -> Iterator[TrainingBatch]:
        worker = get_worker_info()
        draw = random.Random(f"{self.seed} {worker.id if worker else 0} {self.size}")
        encoder = TextEncoder(Tokenizer.from_str(self.vocabulary), chat_template())
        while True:
            chosen = [draw.choice(self.known) for _ in range(self.size)]
            turns = [self.writer.turn(self.subjects[number], draw) for number in chosen[: self.asked]]
            yield encoder.batch(chosen, turns)
