"""Control tokens of language models in texts: where a reply ends, and which texts are never learnt.

An engine with a wrong chat template or tokenizer sends its control tokens as text, or goes on as the user. The forms
are those of the model families that engines serve: `<|im_end|>` (ChatML, InternLM2, Qwen2), `[UNUSED_TOKEN_145]` (an
earlier name of it in InternLM2's vocabulary, InternLM/InternLM#693), `</s>` (Llama), `<end_of_turn>` (Gemma), `[/INST]`
(Mistral), `<｜end▁of▁sentence｜>` (DeepSeek).
"""

import re
import unicodedata

TURNS = ("<IMG_CONTEXT>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<start_of_turn>", "<end_of_turn>")
FIXED = (*TURNS, "</s>", "<s>", "<unk>", "<pad>", "<bos>", "<eos>", "<img>", "</img>")
NUMBERED = (r"<\|[^<>|\s]{1,40}\|>", r"<｜[^<>｜\s]{1,40}｜>", r"\[UNUSED_TOKEN_\d{1,6}\]")
CONTROL_TOKEN = re.compile("|".join((*NUMBERED, *map(re.escape, FIXED))))
CUT_OFF = re.compile(r"(?:<[|｜][^<>|｜\s]{0,40}[|｜]?|\[UNUSED_TOKEN_\d{0,6})\Z")
"""A control token that the end of a text has cut off. No sentence ends so."""
BEGINNINGS = sorted({name[:length] for name in (*FIXED, "[UNUSED_TOKEN_") for length in range(1, len(name))})
ORDINARY = re.compile(r"[^<\[\ud800-\udfff\ufffd\x00-\x08\x0b-\x1f\x7f-\x9f]*")
"""Texts that are readable as they are, as nearly all are."""
BROKEN = "\ufffd"
"""The replacement character, for what is no character."""


def readable_part(text: str, *, finished: bool) -> str:
    """What a user may read of a model's text: valid characters, up to the first control token.

    The halves of a surrogate pair, which may come in two pieces, are joined; what is no character becomes BROKEN, or is
    left out at the end. Of an unfinished text an end that may become a control token is left out.
    """
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if token := CONTROL_TOKEN.search(text):
        text = text[: token.start()]
    else:
        text = CUT_OFF.sub("", text)
        if not finished:
            text = text[: len(text) - max((len(part) for part in BEGINNINGS if text.endswith(part)), default=0)]
    readable = (letter for letter in text if letter in "\n\t" or unicodedata.category(letter) != "Cc")
    return "".join(readable).rstrip(BROKEN)
