"""XTuner's dataset with Jokebot's prompt, so that training uses the same tokens as serving.

XTuner hard-codes another system prompt and leaves out the line breaks of InternLM2's chat template;
`configs/prompts.toml` replaces both. Import this module after `trainer.xtuner.compat.apply_repairs()`.
"""

from typing import Any

from mmengine.config import ConfigDict
from xtuner.dataset import InternVL_V1_5_Dataset

from configs.prompts import Prompts, load_prompts


class JokeDataset(InternVL_V1_5_Dataset):
    """InternVL_V1_5_Dataset with the prompt of `configs/prompts.toml`. Its arguments have no `template`."""

    def __init__(self, *args: Any, prompts: Prompts | None = None, **options: Any) -> None:
        prompts = prompts or load_prompts()
        super().__init__(*args, template=ConfigDict(SUFFIX=prompts.template.end), **options)
        self._system = prompts.system
        self.template = training_template(prompts, adds_bos(self.tokenizer))


def training_template(prompts: Prompts, bos_by_tokenizer: bool) -> ConfigDict:
    """The chat template in XTuner's form, with `{system}` and `{input}`. The BOS must occur once."""
    template = prompts.template
    return ConfigDict(
        SYSTEM=("" if bos_by_tokenizer else template.bos) + template.system,
        INSTRUCTION=template.user.replace("{user}", "{input}") + template.assistant,
        SUFFIX=template.end,
    )


def adds_bos(tokenizer: Any) -> bool:
    """Whether the tokenizer adds a BOS: OpenGVLab's does, that of Jokebot's own checkpoints does not."""
    return tokenizer.encode("a", add_special_tokens=True)[:1] == [tokenizer.bos_token_id]
