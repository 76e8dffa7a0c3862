"""Chat templates: how a model family's prompts are written, for serving, training and evaluation alike.

`configs/chat_templates.toml` defines them. The template of a model is named by its checkpoint
(`storage/checkpoint/template.py`). Used in all environments: standard library only.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from configs.errors import PromptError

TEMPLATES_FILE = Path(__file__).with_name("chat_templates.toml")
DEFAULT_TEMPLATE = "internlm2-chat"
"""InternVL2's."""
OLD_TEMPLATE = "internlm2-chat-newline"
"""The template of all models that Jokebot trained before a model's template was recorded."""


@dataclass(frozen=True)
class ChatTemplate:
    """A family's chat template: MPT style in OpenGVLab's conversation.py. The tokens are those of all families here."""

    name: str
    system: str
    """The family's system prompt."""
    separator: str
    """Ends the system prompt and each turn."""

    bos: ClassVar[str] = "<s>"
    eos: ClassVar[str] = "</s>"
    start: ClassVar[str] = "<|im_start|>"
    end: ClassVar[str] = "<|im_end|>"
    """Ends a text of the model."""
    image_start: ClassVar[str] = "<img>"
    image_end: ClassVar[str] = "</img>"
    context: ClassVar[str] = "<IMG_CONTEXT>"
    """Stands for one token of a photo."""

    @property
    def assistant(self) -> str:
        """The beginning of the model's turn."""
        return f"{self.start}assistant\n"

    def image(self, context_tokens: int) -> str:
        """A photo in a user's turn, before the text; "" without tokens."""
        return f"{self.image_start}{self.context * context_tokens}{self.image_end}\n" if context_tokens else ""

    def system_turn(self, system: str | None = None) -> str:
        """The turn with a system prompt, the family's own by default."""
        return f"{self.start}system\n{self.system if system is None else system}{self.separator}"

    def user_turn(self, user: str) -> str:
        return f"{self.start}user\n{user}{self.separator}"

    def render(self, user: str, context_tokens: int = 0, system: str | None = None) -> str:
        """The whole prompt as one string with special tokens, as the tokenizer gets it.

        `context_tokens` is the number of the photo's tokens (InternVL2: 256 per tile); 0 means no photo.
        """
        return self.bos + self.system_turn(system) + self.user_turn(self.image(context_tokens) + user) + self.assistant

    def lmdeploy_config(self, *, bos: bool = True) -> dict[str, Any]:
        """The template for `lmdeploy serve api_server --chat-template FILE.json` (LMDeploy 0.18, model.py).

        It contains the BOS, for a tokenizer that adds none; `bos=False` is for one that does.
        """
        return {
            "model_name": "base",
            "system": f"{self.bos if bos else ''}{self.start}system\n",
            "meta_instruction": self.system,
            "eosys": self.separator,
            "user": f"{self.start}user\n",
            "eoh": self.separator,
            "assistant": self.assistant,
            "eoa": self.separator,
            "separator": "",
            "stop_words": [self.end, self.eos],
        }


@cache
def chat_templates() -> dict[str, ChatTemplate]:
    """All templates by name, the default first."""
    data = tomllib.loads(TEMPLATES_FILE.read_text(encoding="utf-8"))
    return {name: ChatTemplate(name, **parts) for name, parts in data.items()}


def chat_template(name: str = DEFAULT_TEMPLATE) -> ChatTemplate:
    """The template of that name. Raises PromptError if there is none."""
    templates = chat_templates()
    if name not in templates:
        raise PromptError(f"There is no chat template {name!r}; there are {', '.join(templates)}.")
    return templates[name]
