"""The CPU engine over HTTP, with OpenAI's own client."""

import concurrent.futures
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI
from PIL import Image

from bot.engine.cpu.model import load_model
from configs.chat_templates import chat_template
from storage.checkpoint.check import check_checkpoint
from storage.checkpoint.location import CheckpointError

SAMPLING: dict[str, Any] = {"temperature": 0.8, "top_p": 0.9, "seed": 11, "max_tokens": 24}


def photo(url: str, text: str = "讲一个笑话", **image: Any) -> list[Any]:
    return [
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": url, **image}}, {"type": "text", "text": text}],
        }
    ]


@pytest.fixture(scope="module")
def engine(start: Callable[..., Any]) -> Any:
    return start("--api-key", "secret", "--api-key", "second", "--max-tiles", "4")


@pytest.fixture(scope="module")
def client(engine: Any) -> Iterator[OpenAI]:
    with engine.client() as client:
        yield client


def refused(client: OpenAI, **request: Any) -> dict[str, Any]:
    """The error object of a request that must end with 400."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**{"model": "joker", "messages": [{"role": "user", "content": "hi"}], **request})
    assert isinstance(caught.value.body, dict) and caught.value.body["type"] == "invalid_request_error"
    return caught.value.body


def test_the_model_is_listed_under_its_directorys_name(client: OpenAI) -> None:
    assert [model.id for model in client.models.list().data] == ["joker"]


def test_a_photo_gets_a_text_with_its_usage(client: OpenAI, url: str) -> None:
    answer = client.chat.completions.create(model="joker", messages=photo(url, max_dynamic_patch=1), **SAMPLING)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 24
    assert 256 < answer.usage.prompt_tokens < 400
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 24


def test_a_stream_brings_the_same_text_in_whole_characters(client: OpenAI, url: str) -> None:
    whole = client.chat.completions.create(model="joker", messages=photo(url), **SAMPLING).choices[0].message.content
    chunks = list(
        client.chat.completions.create(
            model="joker", messages=photo(url), stream=True, stream_options={"include_usage": True}, **SAMPLING
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == whole
    assert len([chunk for chunk in chunks[:-1] if chunk.choices[0].delta.content]) > 5
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 24


def test_a_stream_ends_with_done_and_carries_no_usage_unasked(engine: Any) -> None:
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": 3}
    request = urllib.request.Request(
        f"{engine.url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Authorization": "Bearer secret", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        events = response.read().decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(json.loads(event.removeprefix("data: "))["choices"] for event in events[:-2])


def test_the_same_seed_repeats_and_another_seed_differs(client: OpenAI) -> None:
    def say(**change: Any) -> str:
        messages: Any = [{"role": "user", "content": "hi"}]
        return (
            client.chat.completions.create(model="joker", messages=messages, **{**SAMPLING, **change})
            .choices[0]
            .message.content
        )

    assert say() == say() != say(seed=12)
    assert say(temperature=0) == say(temperature=0, seed=12)
    assert say(temperature=0) != say(temperature=0, extra_body={"repetition_penalty": 5.0})


def test_the_text_ends_before_a_stop_string(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "hi"}]
    text = client.chat.completions.create(model="joker", messages=messages, **SAMPLING).choices[0].message.content
    stop = text[len(text) // 2 :][:3]
    answer = client.chat.completions.create(model="joker", messages=messages, stop=[stop, "never said"], **SAMPLING)
    assert answer.choices[0].message.content == text[: text.index(stop)]
    assert answer.choices[0].finish_reason == "stop"


def test_max_dynamic_patch_sets_the_tiles_up_to_the_engines_own_bound(
    client: OpenAI, to_url: Callable[..., str]
) -> None:
    panorama = to_url(Image.new("RGB", (800, 100), "teal"))

    def tokens(**image: int) -> int:
        return client.chat.completions.create(
            model="joker", messages=photo(panorama, **image), max_tokens=1
        ).usage.prompt_tokens

    one = tokens(max_dynamic_patch=1)
    assert tokens(max_dynamic_patch=2) == one + 2 * 256  # two tiles and a thumbnail
    assert tokens(max_dynamic_patch=4) == tokens(max_dynamic_patch=40) == tokens() == one + 4 * 256


def test_the_system_message_replaces_the_default_one(client: OpenAI) -> None:
    def tokens(*messages: dict[str, Any]) -> int:
        return client.chat.completions.create(model="joker", messages=list(messages), max_tokens=1).usage.prompt_tokens

    user = {"role": "user", "content": "hi"}
    assert tokens({"role": "system", "content": "a"}, user) < tokens(user)
    assert tokens({"role": "system", "content": [{"type": "text", "text": "a"}]}, user) == tokens(
        {"role": "system", "content": "a"}, user
    )


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://example.com/cat.jpg", "data: URL"),
        ("/etc/hostname", "data: URL"),
        ("file:///etc/hostname", "data: URL"),
        ("data:text/plain;base64,aGk=", "data: URL"),
        ("data:image/png;base64,###", "base64 is broken"),
        ("data:image/png;base64,aGVsbG8=", "can't be read"),
        ("data:image/png;base64,", "can't be read"),
    ],
)
def test_only_whole_pictures_in_data_urls_are_taken(client: OpenAI, address: str, reason: str) -> None:
    error = refused(client, messages=photo(address))
    assert reason in error["message"] and error["param"] == "image_url"


def test_a_cut_off_picture_and_a_huge_one_are_refused(client: OpenAI, url: str, to_url: Callable[..., str]) -> None:
    assert "can't be read" in refused(client, messages=photo(url[: url.index(",") + 1 + 8000]))["message"]
    bomb = to_url(Image.new("1", (9000, 9000)), "PNG")
    assert "9000 x 9000 pixels" in refused(client, messages=photo(bomb))["message"]


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "assistant", "content": "hi"}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": "a <IMG_CONTEXT> b"}]}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
        ({"n": 2}, "n"),
        ({"temperature": 9}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 500_000}, "max_tokens"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"seed": "x"}, "seed"),
    ],
)
def test_a_wrong_request_is_told_which_part_is_wrong(client: OpenAI, request_: dict[str, Any], param: str) -> None:
    assert refused(client, **request_)["param"] == param


def test_another_models_name_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="'gpt-9'"):
        client.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "hi"}])


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", "/nothing"])
def test_without_the_key_only_health_answers(engine: Any, path: str) -> None:
    assert urllib.request.urlopen(f"{engine.url}/health", timeout=60).status == 200
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{engine.url}{path}", timeout=60)
    assert caught.value.code == 401
    assert json.load(caught.value)["error"]["code"] == "invalid_api_key"
    with pytest.raises(openai.AuthenticationError), engine.client("wrong") as client:
        client.models.list()
    with engine.client("second") as client:
        assert client.models.list().data


def test_the_log_has_a_line_a_request_without_what_was_said(engine: Any, client: OpenAI, url: str) -> None:
    answer = client.chat.completions.create(model="joker", messages=photo(url, "xyzzy 秘密"), max_tokens=4)
    log = engine.log.read_text()
    lines = [line for line in log.splitlines() if answer.id in line]
    assert len(lines) == 1 and f"length prompt={answer.usage.prompt_tokens} tiles=" in lines[0] and "new=4" in lines[0]
    assert "xyzzy" not in log and "秘密" not in log and url[30:60] not in log


def wait_for(condition: Callable[[], bool], limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def waiting(engine: Any) -> int:
    return json.load(urllib.request.urlopen(f"{engine.url}/health", timeout=60))["waiting"]


def long_stream(client: OpenAI) -> Any:
    """A request that would take many minutes, after its first text."""
    stream = client.chat.completions.create(
        model="joker", messages=[{"role": "user", "content": "hi"}], stream=True, max_tokens=30_000, seed=1
    )
    for chunk in stream:
        if chunk.choices[0].delta.content:
            return stream


def test_who_leaves_makes_room_and_who_finds_none_is_told_to_come_back(start: Callable[..., Any]) -> None:
    engine = start("--waiting", "1")
    with engine.client() as client, concurrent.futures.ThreadPoolExecutor() as pool:
        running = long_stream(client)
        messages: Any = [{"role": "user", "content": "hi"}]
        queued = pool.submit(client.chat.completions.create, model="joker", messages=messages, max_tokens=2)
        wait_for(lambda: waiting(engine) == 1)
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model="joker", messages=messages, max_tokens=2)
        assert caught.value.status_code == 503 and caught.value.body["code"] == "overloaded"
        assert not queued.done()
        running.close()
        assert queued.result(60).usage.completion_tokens == 2
    assert " cancelled prompt=" in engine.log.read_text()


def test_a_waiting_request_that_leaves_is_never_written(start: Callable[..., Any]) -> None:
    engine = start("--waiting", "4")
    with engine.client() as client, concurrent.futures.ThreadPoolExecutor() as pool:
        running = long_stream(client)
        messages: Any = [{"role": "user", "content": "hi"}]
        impatient = pool.submit(
            client.with_options(timeout=1).chat.completions.create, model="joker", messages=messages, max_tokens=30_000
        )
        assert isinstance(impatient.exception(60), openai.APITimeoutError)
        wait_for(lambda: " cancelled prompt=0 " in engine.log.read_text())
        running.close()
        assert (
            client.chat.completions.create(model="joker", messages=messages, max_tokens=2).usage.completion_tokens == 2
        )


def test_sigterm_ends_the_texts_under_way_and_the_process(start: Callable[..., Any]) -> None:
    engine = start()
    with engine.client() as client:
        stream = long_stream(client)
        assert engine.end() == 0
        assert [chunk.choices[0].finish_reason for chunk in stream][-1] == "abort"


def test_a_directory_that_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "serve", tmp_path, "--port", "0"],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"jokebot: {tmp_path} is no InternVL2 checkpoint: it has no config.json.\n"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ('{"architectures": ["LlamaForCausalLM"]}', "another kind of model (LlamaForCausalLM)"),
        (
            '{"architectures": ["InternVLChatModel"], "llm_config": {"architectures": ["Qwen2ForCausalLM"]}}',
            "Qwen2ForCausalLM",
        ),
        ("half a fi", "can't be read"),
        ("[]", "holds no JSON object"),
    ],
)
def test_another_kind_of_model_is_refused(tmp_path: Path, config: str, reason: str) -> None:
    (tmp_path / "config.json").write_text(config, encoding="utf-8")
    with pytest.raises(CheckpointError) as caught:
        check_checkpoint(tmp_path)
    assert reason in str(caught.value)


def test_a_directory_with_a_dot_is_loaded(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "model-1.5").symlink_to(checkpoint)
    assert load_model(tmp_path / "model-1.5", "float32").template.name == "internlm2-chat"


def test_a_checkpoint_without_weights_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_bytes((checkpoint / "config.json").read_bytes())
    with pytest.raises(CheckpointError, match="not in the model's folder"):
        load_model(tmp_path / "empty")


def test_code_that_the_configuration_alone_moved_to_another_folder_does_not_run(
    checkpoint: Path, tmp_path: Path
) -> None:
    model, elsewhere, mark = tmp_path / "model", tmp_path / "elsewhere", tmp_path / "ran"
    shutil.copytree(checkpoint, model)
    shutil.copytree(checkpoint, elsewhere)
    with (elsewhere / "modeling_internvl_chat.py").open("a") as file:
        file.write(f"\nopen({str(mark)!r}, 'w')\n")
    config = json.loads((model / "config.json").read_text())
    config["auto_map"] = {key: f"{elsewhere}--{value}" for key, value in config["auto_map"].items()}
    (model / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="not in the model's folder"):
        load_model(model)
    assert not mark.exists()


def test_a_port_in_use_is_said_before_anything_is_loaded(engine: Any, checkpoint: Path) -> None:
    port = engine.url.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "bot", "serve", checkpoint, "--port", port],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 2 and f"127.0.0.1:{port} can't be used" in done.stderr


def encoded(engine: Any, **body: Any) -> Any:
    request = urllib.request.Request(
        f"{engine.url}/v1/encode", json.dumps(body).encode(), {"Authorization": "Bearer secret"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def test_texts_are_encoded_as_lmdeploy_does_it(engine: Any) -> None:
    template = chat_template()
    answer = encoded(engine, input="tell a joke", do_preprocess=True, add_bos=True)
    rendered = template.render("tell a joke")
    assert answer["input_ids"] == encoded(engine, input=rendered)["input_ids"] and answer["length"] == len(
        answer["input_ids"]
    )
    assert len(encoded(engine, input=template.context * 7)["input_ids"]) == 7
    for wrong in ({}, {"input": ["a"]}, {"input": "a", "do_preprocess": "yes"}):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            encoded(engine, **wrong)


def test_a_joke_that_goes_round_in_circles_ends(client: OpenAI, url: str) -> None:
    def say(**more: Any) -> Any:
        return client.chat.completions.create(
            model="", messages=photo(url), **{**SAMPLING, "max_tokens": 64, "temperature": 0}, extra_body=more
        )

    assert say().usage.completion_tokens == 64, "the random model says the same again and again"
    ended = say(repetition_ngram_size=1, repetition_ngram_threshold=2)
    assert ended.usage.completion_tokens < 64 and ended.choices[0].finish_reason == "stop"
