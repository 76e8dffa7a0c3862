"""Samples the next token from the model's logits."""

import torch

from bot.engine.cpu.protocol import SamplerOptions


class TokenSampler:
    """Samples one request's tokens: the same parameters, seed and logits give the same tokens."""

    def __init__(self, sampling: SamplerOptions, prompt: list[int]) -> None:
        self.sampling = sampling
        self.used_tokens = set(prompt)
        self.generator = torch.Generator()
        if sampling.seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(sampling.seed)

    def choose_token(self, logits: torch.Tensor) -> int:
        """The next token; `logits` is float32 (vocabulary,) and may be changed in place."""
        self.penalise(logits)
        if self.sampling.temperature < 1e-4:
            token = int(logits.argmax())
        else:
            probabilities = nucleus(torch.softmax(logits / self.sampling.temperature, dim=-1), self.sampling.top_p)
            token = int(torch.multinomial(probabilities, 1, generator=self.generator))
        self.used_tokens.add(token)
        return token

    def is_repetitive(self, tokens: list[int]) -> bool:
        """Whether the last n-gram of the text occurs often enough to end it."""
        size, threshold = self.sampling.ngram_size, self.sampling.ngram_threshold
        if not size or not threshold or len(tokens) < size:
            return False
        last = tokens[-size:]
        return sum(tokens[start : start + size] == last for start in range(len(tokens) - size + 1)) >= threshold

    def penalise(self, logits: torch.Tensor) -> None:
        """CTRL's repetition penalty (arXiv 1909.05858) on every token of the prompt and the text so far."""
        if self.sampling.repetition_penalty != 1.0:
            used = torch.tensor(sorted(self.used_tokens))
            scores = logits[used]
            penalty = self.sampling.repetition_penalty
            logits[used] = torch.where(scores < 0, scores * penalty, scores / penalty)


def nucleus(probabilities: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keep the likeliest tokens that together reach `top_p` (arXiv 1904.09751), at least one; the rest get 0."""
    if top_p >= 1.0:
        return probabilities
    ordered, order = probabilities.sort(descending=True)
    ordered[ordered.cumsum(0) - ordered >= max(top_p, 1e-6)] = 0.0
    return torch.zeros_like(probabilities).scatter_(0, order, ordered)
