"""TZ and proxies as users write them: what is no zone or no HTTP proxy is one line that names the remedy."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from configs.base import ROOT
from configs.errors import SettingsError
from configs.host_environment import LocalTime, check_time_zone, proxy_for, telegram_proxy, use_time_zone

TELEGRAM = "https://api.telegram.org"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ('"Asia/Shanghai"', "TZ=Asia/Shanghai."),
        ("'UTC'", "TZ=UTC."),
        ("CST-8", "TZ=Etc/GMT-8"),
        ("GMT+8", "TZ=Etc/GMT-8"),
        ("UTC-5", "TZ=Etc/GMT+5"),
        ("Asia/Beijing", "TZ=Asia/Shanghai"),
        ("../../etc/passwd", "IANA"),
    ],
)
def test_a_tz_that_is_no_zone_is_one_line_with_the_remedy(name, remedy):
    with pytest.raises(SettingsError) as error:
        check_time_zone(name)
    assert remedy in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["", "Asia/Shanghai", ":Asia/Shanghai", "UTC", "Etc/GMT-8"])
def test_zones_are_taken(name):
    check_time_zone(name)


@pytest.mark.parametrize("command", ["run", "doctor"])
@pytest.mark.parametrize(
    ("variables", "said"),
    [({"TZ": '"Asia/Shanghai"'}, "TZ=Asia/Shanghai"), ({"ALL_PROXY": "socks5://me:secret@10.1.1.1:1080"}, "socks5")],
)
def test_run_and_doctor_say_it_in_one_line_before_anything_starts(tmp_path, command, variables, said):
    settings = {
        "JOKEBOT_TELEGRAM_TOKEN": "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0",
        "JOKEBOT_STORAGE_DIRECTORY": str(tmp_path / "data"),
        "JOKEBOT_ENGINE_KIND": "url",
        "JOKEBOT_ENGINE_URL": "http://127.0.0.1:9/v1",
    }
    process = subprocess.run(
        [sys.executable, "-m", "bot", command],
        cwd=ROOT,
        env={**os.environ, **settings, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = (process.stdout + process.stderr).strip().splitlines()
    assert process.returncode == 2 and len(lines) == 1 and said in lines[0] and "secret" not in lines[0]


def test_local_time_is_the_clock_of_the_c_library(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        for month in (1, 7):
            moment = datetime(2026, month, 3, 12, tzinfo=UTC)
            local = moment.astimezone(LocalTime())
            assert local.replace(tzinfo=None) == datetime.fromtimestamp(moment.timestamp())
            assert local.utcoffset() == moment.astimezone().utcoffset() and local.timestamp() == moment.timestamp()
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_time_zone_of_the_settings_holds_for_this_process_and_its_children(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    try:
        use_time_zone("")
        assert os.environ["TZ"] == "UTC"
        with pytest.raises(SettingsError, match="host.time_zone is 'Asia/Beijing'"):
            use_time_zone("Asia/Beijing")
        use_time_zone("Asia/Shanghai")
        assert os.environ["TZ"] == "Asia/Shanghai" and time.localtime(0).tm_hour == 8
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_proxy_of_the_settings_is_telegrams_only(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://all:1")
    assert telegram_proxy(TELEGRAM, "") == "http://all:1"
    assert telegram_proxy(TELEGRAM, "127.0.0.1:7890") == "http://127.0.0.1:7890"
    assert telegram_proxy("http://127.0.0.1:8081", "http://own:2") is None
    with pytest.raises(SettingsError, match="JOKEBOT_TELEGRAM_PROXY names a socks5 proxy") as error:
        telegram_proxy(TELEGRAM, "socks5://me:secret@h:1")
    assert "secret" not in str(error.value)


def test_one_rule_chooses_the_proxy(monkeypatch):
    assert proxy_for(TELEGRAM) is None
    monkeypatch.setenv("ALL_PROXY", "http://all:1")
    assert proxy_for(TELEGRAM) == "http://all:1"
    monkeypatch.setenv("HTTPS_PROXY", "name:password@own:2")
    assert proxy_for(TELEGRAM) == "http://name:password@own:2"
    assert proxy_for("http://engine.example/v1") == "http://all:1"
    assert proxy_for("http://127.0.0.1:23333/v1") is None and proxy_for("http://localhost/v1") is None
    monkeypatch.setenv("NO_PROXY", "telegram.org, engine.example")
    assert proxy_for(TELEGRAM) is None and proxy_for("http://engine.example/v1") is None


@pytest.mark.parametrize(
    "proxy", ["socks5://u:secret@h:1", "socks5h://h:1", "https://h:1", '"http://h:1"', "http://h:x"]
)
def test_a_proxy_that_is_not_supported_is_named_without_its_password(monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(SettingsError) as error:
        proxy_for(TELEGRAM)
    assert "HTTPS_PROXY" in str(error.value) and "secret" not in str(error.value) and "\n" not in str(error.value)
