"""What an LMDeploy server is started with."""
from bot.engine.lmdeploy.start import KEY_VARIABLE, command, environment, session_tokens
from configs.settings import ROOT, Settings


def test_the_key_is_in_the_environment_and_not_in_the_command(tmp_path):
    told = command(tmp_path / "model", 23456, Settings(), name="champion")
    assert told[told.index("--key-env") + 1] == KEY_VARIABLE and environment("a-secret")[KEY_VARIABLE] == "a-secret"
    assert not [word for word in told if "secret" in word]


def test_the_server_gets_none_of_the_bots_settings_and_secrets():
    given = {"JOKEBOT_TELEGRAM_TOKEN": "123:token", "JOKEBOT_ENGINE_API_KEY": "key", "HOME": "/home/bot", "PYTHONPATH": "/packages"}
    found = environment("a-secret", gpu=1, base=given)
    assert not [name for name in found if name.startswith("JOKEBOT_")]
    assert found["HOME"] == "/home/bot" and found["PYTHONPATH"] == f"{ROOT}:/packages" and found["CUDA_VISIBLE_DEVICES"] == "1"


def test_one_thread_a_server_because_torchs_own_starve_the_engine():
    assert environment("k", base={})["OMP_NUM_THREADS"] == "1"


def test_the_cache_is_counted_in_blocks_so_that_it_does_not_depend_on_what_else_uses_the_card(tmp_path):
    told = command(tmp_path, 1, Settings(lmdeploy={"cache_blocks": 900}))
    assert told[told.index("--num-gpu-blocks") + 1] == "900" and "--cache-max-entry-count" not in told


def test_the_largest_photo_fits_in_a_request():
    assert session_tokens(Settings(engine={"max_tiles": 40})) >= 41 * 256 + Settings().joke.max_tokens


def test_servers_listen_on_this_machine_alone(tmp_path):
    told = command(tmp_path, 23456, Settings())
    assert told[told.index("--server-name") + 1] == "127.0.0.1" and told[told.index("--server-port") + 1] == "23456"
