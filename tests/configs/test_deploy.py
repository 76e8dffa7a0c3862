"""What configs/deploy/ offers fits the program: its paths, settings, commands and ports."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import names
from bot.engine.lmdeploy import cache_size
from configs.errors import JokebotError
from configs.settings import PREFIX, Settings, load_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "configs" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
LOOP, APART = ("bot-gpu", "bot-cpu"), ("bot", "engine")
"""The compose file's services with the whole loop in one container, and those that share the work."""


def compose_command() -> list[str]:
    """`docker compose`, or the first version, which knows all of our file but its `name` line; empty where there is
    neither.
    """
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and subprocess.run([*command, "version"], capture_output=True, timeout=120).returncode == 0
        ):
            return command
    return []


EXAMPLE = (DEPLOY / "jokebot.env.example").read_text()
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def from_yaml(file: Path) -> Any:
    """What a YAML file says. PyYAML is locked in the train environment alone."""
    python = Settings().environments.train_python
    if not python.exists():
        pytest.skip("there is no train environment: run `make env-train`")
    program = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"
    return json.loads(
        subprocess.run(
            [python, "-c", program], input=file.read_text(), capture_output=True, text=True, check=True
        ).stdout
    )


@pytest.fixture
def compose() -> dict[str, Any]:
    """The compose file."""
    return from_yaml(DEPLOY / "compose.yaml")


def test_every_alert_rule_is_whole():
    (group,) = from_yaml(DEPLOY / "prometheus-alerts.yml")["groups"]
    assert len({rule["alert"] for rule in group["rules"]}) == len(group["rules"]) > 8
    for rule in group["rules"]:
        assert (
            rule["expr"]
            and rule["labels"]["severity"] in ("page", "ticket")
            and rule["annotations"]["summary"].endswith(".")
        )
        assert rule["expr"].count("(") == rule["expr"].count(")")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool here (Debian: prometheus)")
def test_prometheus_accepts_the_alert_rules():
    command = ["promtool", "check", "rules", str(DEPLOY / "prometheus-alerts.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "SUCCESS" in done.stdout, done.stderr


def variables(text: str) -> set[str]:
    return set(re.findall(rf"\b{PREFIX}[A-Z_]+", text))


def test_every_variable_is_a_setting():
    names = {
        f"{PREFIX}{section}_{key}".upper()
        for section, field in Settings.model_fields.items()
        for key in field.annotation.model_fields
    }
    for file in [*DEPLOY.iterdir(), *(ROOT / "docs" / "deploy").glob("*.md")]:
        for variable in variables(file.read_text()) - {f"{PREFIX}CONFIG"}:
            assert variable in names, f"{file.name}: {variable}"


def test_the_program_starts_with_the_example_s_variables_and_compose_s(compose, monkeypatch):
    lines = dict(line.split("=", 1) for line in EXAMPLE.splitlines() if line and not line.startswith("#"))
    found = {}
    for name in (*LOOP, "bot"):
        with monkeypatch.context() as patch:
            for variable, value in {**lines, **compose["services"][name]["environment"]}.items():
                patch.setenv(variable, value)
            found[name] = load_settings()
    assert {name: settings.engine.kind for name, settings in found.items()} == {
        "bot-gpu": "lmdeploy",
        "bot-cpu": "cpu",
        "bot": "url",
    }
    for settings in found.values():
        assert settings.storage.directory == Path("/data") and settings.metrics.listen == "127.0.0.1:9464"
    assert {found[name].model.directory for name in LOOP} == {Path("/model")} and found[
        "bot"
    ].engine.url == "http://engine:23333/v1"
    assert (found["bot"].retrain.cron, found["bot"].retrain.start_at_new_pairs) == ("", 0), "its image can't train"


def test_the_image_has_what_the_dockerfile_copies():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copies = re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert {source for line in copies for source in line.split()} >= {"bot", "storage", "trainer", "configs"}
    for source in (source for line in copies for source in line.split()):
        assert (ROOT / source).exists() and f"!{source.split('/')[0]}" in ignored, source


def test_each_service_s_image_has_the_environments_that_it_needs(compose):
    """The stages of the Dockerfile are followed from a service's own one down."""
    found = re.findall(r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    stages = {name: (base, body) for base, name, body in found}
    needed = {
        "bot-gpu": {"bot gpu", "train gpu", "serve gpu"},
        "bot-cpu": {"bot cpu", "train cpu"},
        "bot": {"bot cpu"},
        "engine": {"serve gpu"},
    }
    for name, service in compose["services"].items():
        stage, made = f"with-{service['build']['args']['WITH']}", set()
        while stage in stages:
            stage, body = stages[stage]
            made |= {
                f"{environment} {kind}" for environment, kind in re.findall(r"make_env\.py (\w+) --image (\w+)", body)
            }
        assert made == needed[name], name


def test_the_services_find_each_other(compose):
    services = compose["services"]
    assert set(services) == {*LOOP, *APART}
    assert {name: service["profiles"] for name, service in services.items()} == {
        "bot-gpu": ["gpu"],
        "bot-cpu": ["cpu"],
        "bot": ["apart"],
        "engine": ["apart"],
    }
    for name, service in services.items():
        assert (DEPLOY / service["build"]["context"]).resolve() == ROOT and (
            ROOT / service["build"]["dockerfile"]
        ).is_file()
        assert service["healthcheck"]["test"][0] == "CMD" and service["restart"] == "unless-stopped", name
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and "ports" not in service, (
            "nothing is open to the world"
        )
        reserved = service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices")
        assert bool(reserved) == (name in ("bot-gpu", "engine")), name
    assert "23333" in services["engine"]["command"] and (ROOT / "bot/engine/lmdeploy/launcher.py").is_file()
    named = {
        volume.split(":")[0]
        for service in services.values()
        for volume in service["volumes"]
        if not volume.startswith("$")
    }
    assert named == set(compose["volumes"])


def test_compose_accepts_the_file(tmp_path):
    command = compose_command()
    if not command:
        pytest.skip("there is no docker compose here")
    deploy = tmp_path / "configs" / "deploy"
    shutil.copytree(DEPLOY, deploy)
    file, settings = deploy / "compose.yaml", deploy / "jokebot.env"
    if command == ["docker-compose"]:
        file.write_text(file.read_text().replace("name: jokebot\n", "", 1))
    settings.write_text(EXAMPLE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    profiles = [part for profile in ("gpu", "cpu", "apart") for part in ("--profile", profile)]
    done = subprocess.run(
        [*command, "-f", file, "--env-file", settings, *profiles, "config"],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert (
        all(f"\n  {service}:\n" in done.stdout for service in (*LOOP, *APART))
        and "/srv/models/InternVL2-2B" in done.stdout
    )
    assert done.stdout.count("JOKEBOT_ENGINE_API_KEY: jokebot-local") == 2, "bot and engine share the key, set or not"


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units, and the bot's with a GPU.

    The programs that they start are not installed here, so another stands in for them.
    """
    if ANALYZE is None:
        pytest.skip("there is no systemd here")
    for unit in UNITS:
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
    more = (DEPLOY / "jokebot-gpu.conf").read_text().split("[Service]")[1]
    with_gpu = (tmp_path / "jokebot.service").read_text().replace("[Install]", f"{more}\n[Install]")
    (tmp_path / "jokebot-with-gpu.service").write_text(with_gpu)
    return sorted(tmp_path.glob("*.service"))


def test_systemd_accepts_the_units(units):
    for unit in units:
        unit.write_text(re.sub(r"^(User|Group)=.*\n", "", unit.read_text(), flags=re.MULTILINE))
    done = subprocess.run([ANALYZE, "verify", "--man=no", *units], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and str(units[0].parent) not in done.stderr, done.stderr


def test_the_units_are_as_shut_as_their_page_says(units):
    page = " ".join((ROOT / "docs" / "deploy" / "systemd.md").read_text().split())
    said = re.search(
        r"rates the bot and the CPU engine (\S+), the bot\s+with `gpu.conf` (\S+) and LMDeploy (\S+) ", page
    ).groups()
    expected = {
        "jokebot": said[0],
        "jokebot-engine-cpu": said[0],
        "jokebot-with-gpu": said[1],
        "jokebot-lmdeploy": said[2],
    }
    for unit in units:
        done = subprocess.run(
            [ANALYZE, "security", "--no-pager", "--offline=true", unit], capture_output=True, text=True, timeout=120
        )
        rated = re.search(r"exposure level for .*: ([\d.]+)", done.stdout)[1]
        assert abs(float(rated) - float(expected[unit.stem])) < 0.3, (
            f"{unit.stem}: {rated}; another systemd may count a little differently"
        )


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_start_what_there_is(unit):
    command = re.search(r"^ExecStart=/opt/jokebot/\.venv/(\w+)/bin/(\w+) (.+)$", unit.read_text(), re.MULTILINE)
    environment, program, rest = command.groups()
    assert (ROOT / "configs" / "requirements" / f"{environment}.txt").is_file()
    if program == "jokebot":
        assert rest.split()[0] in names()
    else:
        assert (environment, program, rest.split()[:2]) == ("serve", "python", ["-m", "bot.engine.lmdeploy.launcher"])
    assert "NoNewPrivileges=yes" in unit.read_text() and "User=jokebot" in unit.read_text()


def test_the_settings_for_an_8_gb_card_leave_the_cache_that_their_page_says(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "deploy" / "8gb.md").read_text()
    model = tmp_path / "InternVL2-2B"
    model.mkdir()
    (model / "config.json").write_text(
        json.dumps(
            {
                "llm_config": {
                    "num_hidden_layers": 24,
                    "num_attention_heads": 16,
                    "num_key_value_heads": 8,
                    "hidden_size": 2048,
                }
            }
        )
    )
    with (model / "model.safetensors").open("wb") as weights:
        weights.truncate(4_411_508_736)
    monkeypatch.setattr(cache_size, "card_gb", lambda ids: 8.0)
    with pytest.raises(JokebotError, match="don't fit"):
        cache_size.cache_blocks(model, Settings(engine={"kind": "lmdeploy"}))
    for assignment in re.findall(r"JOKEBOT_\w+=\S+", page.split("```")[1]):
        monkeypatch.setenv(*assignment.split("=", 1))
    said = int(re.search(r"computed: (\d+) blocks", page)[1])
    assert abs(cache_size.cache_blocks(model, load_settings()) - said) <= 5


def test_proxies_pass_on_to_where_the_webhook_listens():
    for file in ("nginx.conf", "Caddyfile"):
        assert Settings().telegram.webhook_listen in (DEPLOY / file).read_text()
