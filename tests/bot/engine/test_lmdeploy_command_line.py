"""The command line, the environment and the cache size of an LMDeploy server."""

import json
import shutil

import pytest

from bot.engine.lmdeploy import cache_size
from bot.engine.lmdeploy.cache_size import block_gb, cache_blocks, cache_photos, session_tokens
from bot.engine.lmdeploy.command_line import KEY_VARIABLE, server_command, server_environment
from bot.engine.servers.launch import usable_checkpoint
from configs.chat_templates import OLD_TEMPLATE
from configs.errors import JokebotError
from configs.model_code import code_digests
from configs.settings import ROOT, Settings
from storage.learning.models import Model, RegistryError

DEMO = ROOT / "configs" / "demo-model" / "checkpoint"
INTERNVL2_2B = {"num_hidden_layers": 24, "num_attention_heads": 16, "num_key_value_heads": 8, "hidden_size": 2048}


def test_the_key_is_in_the_environment_and_not_in_the_command(tmp_path):
    told = server_command(tmp_path / "model", 23456, Settings(), name="champion")
    assert (
        told[told.index("--key-env") + 1] == KEY_VARIABLE and server_environment("a-secret")[KEY_VARIABLE] == "a-secret"
    )
    assert not [word for word in told if "secret" in word]


def test_no_server_starts_with_code_that_was_not_agreed_to(tmp_path):
    folder = shutil.copytree(DEMO, tmp_path / "mine")
    code = {**code_digests(folder), "modeling_internlm2.py": "0" * 64}
    model = Model(1, "mine", "champion", None, None, str(folder), None, "{}", 0.0, code=json.dumps(code))
    with pytest.raises(RegistryError, match="has changed"):
        usable_checkpoint(model)


def test_a_model_is_never_served_with_another_template_than_it_was_trained_with(tmp_path):
    folder = shutil.copytree(DEMO, tmp_path / "mine")
    (folder / "model.json").write_text(json.dumps({"template": OLD_TEMPLATE}))
    model = Model(1, "mine", "champion", None, None, str(folder), None, "{}", 0.0, template=OLD_TEMPLATE)
    assert usable_checkpoint(model)[0].template == OLD_TEMPLATE
    (folder / "model.json").unlink()
    with pytest.raises(JokebotError, match="trained with the chat template internlm2-chat-newline.*It isn't served"):
        usable_checkpoint(model)


def test_the_server_gets_none_of_the_bots_settings_and_secrets():
    given = {
        "JOKEBOT_TELEGRAM_TOKEN": "123:token",
        "JOKEBOT_ENGINE_API_KEY": "key",
        "HOME": "/home/bot",
        "PYTHONPATH": "/packages",
    }
    found = server_environment("a-secret", base=given)
    assert not [name for name in found if name.startswith("JOKEBOT_")]
    assert found["HOME"] == "/home/bot" and found["PYTHONPATH"] == f"{ROOT}:/packages"


def test_one_thread_a_server_because_torchs_own_starve_the_engine():
    assert server_environment("k", base={})["OMP_NUM_THREADS"] == "1"


def test_the_cache_is_counted_in_blocks_so_that_it_does_not_depend_on_what_else_uses_the_card(tmp_path):
    told = server_command(tmp_path, 1, Settings(lmdeploy={"cache_photos": 40}))
    assert told[told.index("--num-gpu-blocks") + 1] == str(40 * 54) and "--cache-max-entry-count" not in told


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint of InternVL2-2B's size: 4.4 GB of weights in a sparse file."""
    (tmp_path / "config.json").write_text(json.dumps({"llm_config": INTERNVL2_2B}))
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(4_400_000_000)
    return tmp_path


@pytest.fixture
def card(monkeypatch):
    """A function that sets the GPU's memory, in GB."""

    def has(gigabytes):
        monkeypatch.setattr(cache_size, "card_gb", lambda: gigabytes)

    return has


def lmdeploy(**sections):
    return Settings(**{"engine": {"kind": "lmdeploy"}, **sections})


def test_the_cache_takes_what_the_card_has_left_beside_all_servers_and_one_more_for_a_swap(card, checkpoint):
    assert block_gb(checkpoint) == pytest.approx(64 * 98_304 / 1e9)
    card(85.0)
    assert cache_photos(checkpoint, lmdeploy(lmdeploy={"prefix_cache": False})) == 37
    assert lmdeploy().server_count == 1 and cache_photos(checkpoint, lmdeploy()) == 97
    card(150.0)
    assert cache_photos(checkpoint, lmdeploy()) == 187
    for gigabytes, servers in ((24.0, 1), (48.0, 1), (48.0, 2), (85.0, 3)):
        card(gigabytes)
        told = lmdeploy(lmdeploy={"servers": servers})
        places = told.server_count + 1
        taken = places * (4.4 + cache_size.working_gb(told) + cache_blocks(checkpoint, told) * block_gb(checkpoint))
        assert taken < gigabytes and cache_blocks(checkpoint, told) * 64 > session_tokens(told)
    assert lmdeploy(servers={"count": 2}, lmdeploy={"servers": 3}).server_count == 2


def test_a_card_that_is_too_small_is_said_before_anything_starts_and_what_to_do_helps(card, checkpoint):
    card(8.4)
    with pytest.raises(JokebotError, match=r"don't fit on a card of 8 GB.*servers\.allow_extra_server = false"):
        server_command(checkpoint, 1, lmdeploy())
    helped = lmdeploy(
        servers={"allow_extra_server": False},
        lmdeploy={"prefill_tokens": 2048, "max_batch": 4},
        engine={"kind": "lmdeploy", "max_tiles": 6},
    )
    assert helped.server_count == 1 and cache_blocks(checkpoint, helped) * 64 >= session_tokens(helped)


def test_a_card_that_can_not_be_asked_gets_a_modest_cache(card, checkpoint):
    card(0.0)
    assert cache_photos(checkpoint, lmdeploy()) == cache_size.DEFAULT_PHOTOS and lmdeploy().server_count == 1


def test_the_largest_photo_fits_in_a_request():
    assert session_tokens(Settings(engine={"max_tiles": 40})) >= 41 * 256 + Settings().joke.max_tokens


def test_servers_listen_on_this_machine_alone(tmp_path):
    told = server_command(tmp_path, 23456, Settings())
    assert told[told.index("--server-name") + 1] == "127.0.0.1" and told[told.index("--server-port") + 1] == "23456"
