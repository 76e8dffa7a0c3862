"""XTuner's dataset with a model's own chat template, so that training uses the same tokens as serving.

XTuner hard-codes another system prompt, and one template for all families; `configs/chat_templates.toml` replaces both.
Import this module after `trainer.xtuner.compat.apply_repairs()`.
"""

from typing import Any

from mmengine.config import ConfigDict
from xtuner.dataset import InternVL_V1_5_Dataset

from configs.chat_templates import DEFAULT_TEMPLATE, ChatTemplate, chat_template


class JokeDataset(InternVL_V1_5_Dataset):
    """InternVL_V1_5_Dataset with a chat template of `configs/chat_templates.toml`, `template` by name."""

    def __init__(self, *args: Any, template: str = DEFAULT_TEMPLATE, **options: Any) -> None:
        chosen = chat_template(template)
        super().__init__(*args, template=ConfigDict(SUFFIX=chosen.end), **options)
        self._system = chosen.system
        self.template = training_template(chosen, adds_bos(self.tokenizer))


def training_template(template: ChatTemplate, bos_by_tokenizer: bool) -> ConfigDict:
    """The chat template in XTuner's form, with `{system}` and `{input}`. The BOS must occur once."""
    return ConfigDict(
        SYSTEM=("" if bos_by_tokenizer else template.bos) + template.system_turn("{system}"),
        INSTRUCTION=template.user_turn("{input}") + template.assistant,
        SUFFIX=template.end,
    )


def adds_bos(tokenizer: Any) -> bool:
    """Whether the tokenizer adds a BOS: OpenGVLab's does, that of Jokebot's own checkpoints does not."""
    return tokenizer.encode("a", add_special_tokens=True)[:1] == [tokenizer.bos_token_id]
