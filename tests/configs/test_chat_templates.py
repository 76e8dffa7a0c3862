"""A prompt is, character for character, what the model family's own code makes of the same question."""

import pytest

from configs.chat_templates import DEFAULT_TEMPLATE, OLD_TEMPLATE, ChatTemplate, chat_template, chat_templates
from configs.errors import PromptError
from configs.prompts import load_prompts
from configs.serving import EngineSettings
from tests.official_models import CONVERSATIONS, official_prompt

PROMPTS = load_prompts()
ALL = [(language, style) for language, part in PROMPTS.languages.items() for style in part.styles]


@pytest.mark.parametrize("name", CONVERSATIONS)
@pytest.mark.parametrize(("language", "style"), ALL)
def test_a_prompt_is_the_familys_own(name, language, style):
    question = PROMPTS.ask(language, style, caption="my {cat} 猫")
    ours = chat_template(name).render(question, 256)
    assert ours == "<s>" + official_prompt(name, question, 256)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_system_prompt_is_the_familys_own(name):
    assert chat_template(name).system == CONVERSATIONS[name][0]


def test_the_old_template_is_that_of_earlier_versions():
    old = chat_template(OLD_TEMPLATE)
    assert old.render("hi", 2) == (
        f"<s><|im_start|>system\n{CONVERSATIONS['internlm2-chat'][0]}<|im_end|>\n"
        "<|im_start|>user\n<img><IMG_CONTEXT><IMG_CONTEXT></img>\nhi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert set(chat_templates()) == {*CONVERSATIONS, OLD_TEMPLATE} and next(iter(chat_templates())) == DEFAULT_TEMPLATE


def test_another_system_prompt_takes_the_place_of_the_familys():
    assert chat_template().render("hi", system="Be brief.").startswith("<s><|im_start|>system\nBe brief.<|im_end|>")


def test_without_a_picture_there_is_no_place_for_one():
    assert "img" not in chat_template().render("hello").lower()


def test_an_unknown_template_is_one_clear_line():
    with pytest.raises(PromptError, match="no chat template 'phi3-chat'; there are internlm2-chat, internvl2_5"):
        chat_template("phi3-chat")
    with pytest.raises(ValueError, match="the chat templates are internlm2-chat"):
        EngineSettings(template="phi3-chat")


@pytest.mark.parametrize("name", chat_templates())
def test_the_form_for_lmdeploy_has_all_parts_of_the_template(name):
    template = chat_template(name)
    parts = template.lmdeploy_config()
    rendered = parts["system"] + parts["meta_instruction"] + parts["eosys"] + parts["user"] + "hi" + parts["eoh"]
    assert rendered + parts["assistant"] == template.render("hi")
    assert parts["stop_words"] == [ChatTemplate.end, ChatTemplate.eos] and parts["separator"] == ""
