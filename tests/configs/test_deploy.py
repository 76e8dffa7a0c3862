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
from configs.settings import PREFIX, Settings, load_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "configs" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
COMPOSE = shutil.which("docker-compose")
EXAMPLE = (DEPLOY / "jokebot.env.example").read_text()


@pytest.fixture
def compose() -> dict[str, Any]:
    """The compose file. PyYAML is locked in the train environment alone."""
    python = Settings().environments.train_python
    if not python.exists():
        pytest.skip("there is no train environment: run `make env-train`")
    program = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"
    text = (DEPLOY / "compose.yaml").read_text()
    return json.loads(subprocess.run([python, "-c", program], input=text, capture_output=True, text=True, check=True).stdout)


def variables(text: str) -> set[str]:
    return set(re.findall(rf"\b{PREFIX}[A-Z_]+", text))


def test_every_variable_is_a_setting():
    for file in [*DEPLOY.iterdir(), *(ROOT / "docs" / "deploy").glob("*.md")]:
        for variable in variables(file.read_text()) - {f"{PREFIX}CONFIG"}:
            section, _, key = variable.removeprefix(PREFIX).lower().partition("_")
            assert section in Settings.model_fields and key in Settings.model_fields[section].annotation.model_fields, f"{file.name}: {variable}"


def test_the_program_starts_with_the_example_s_variables_and_compose_s(compose, monkeypatch):
    lines = dict(line.split("=", 1) for line in EXAMPLE.splitlines() if line and not line.startswith("#"))
    for name, value in {**lines, **compose["services"]["bot"]["environment"]}.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.storage.directory == Path("/data") and settings.engine.url == "http://engine:23333/v1"


def test_one_folder_each_has_what_its_dockerfile_copies():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for dockerfile in DEPLOY.glob("*.Dockerfile"):
        for line in re.findall(r"^COPY (.+) \S+$", dockerfile.read_text(), re.MULTILINE):
            for source in line.split():
                assert (ROOT / source).exists() and f"!{source.split('/')[0]}" in ignored, f"{dockerfile.name}: {source}"


def test_the_services_find_each_other(compose):
    services = compose["services"]
    engines = {name: service for name, service in services.items() if name.startswith("engine")}
    assert set(services) == {"bot", "engine-gpu", "engine-cpu"} and "profiles" not in services["bot"]
    for name, service in services.items():
        assert (ROOT / "configs" / "deploy" / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]).is_file()
        assert service["healthcheck"]["test"][0] == "CMD" and service["restart"] == "unless-stopped", name
        assert "ports" not in service, "nothing is open to the world"
    for service in engines.values():
        assert service["networks"]["default"]["aliases"] == ["engine"] and "23333" in service["command"]
    named = {volume.split(":")[0] for service in services.values() for volume in service["volumes"] if not volume.startswith("$")}
    assert named == set(compose["volumes"])


@pytest.mark.skipif(COMPOSE is None, reason="there is no docker-compose here")
def test_compose_accepts_the_file(tmp_path):
    """Version 1 knows all of it but the `name` line; both profiles are read."""
    deploy = tmp_path / "configs" / "deploy"
    shutil.copytree(DEPLOY, deploy)
    file, settings = deploy / "compose.yaml", deploy / "jokebot.env"
    file.write_text(file.read_text().replace("name: jokebot\n", "", 1))
    settings.write_text(EXAMPLE.replace("API_KEY=", "API_KEY=key"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    done = subprocess.run([COMPOSE, "-f", file, "--env-file", settings, "--profile", "gpu", "--profile", "cpu", "config"],
                          capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    assert "JOKEBOT_ENGINE_API_KEY: key" in " ".join(done.stdout.split()) and "/srv/models/InternVL2-2B:/model:ro" in done.stdout


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd here")
def test_systemd_accepts_the_units(tmp_path):
    """The programs that they start are not installed here, so another stands in for them."""
    for unit in UNITS:
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(re.sub(r"^(User|Group)=.*\n", "", text, flags=re.MULTILINE))
    more = (DEPLOY / "jokebot-gpu.conf").read_text().split("[Service]")[1]
    with_gpu = (tmp_path / "jokebot.service").read_text().replace("[Install]", f"{more}\n[Install]")
    (tmp_path / "jokebot-with-gpu.service").write_text(with_gpu)
    done = subprocess.run([ANALYZE, "verify", "--man=no", *sorted(tmp_path.iterdir())], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and str(tmp_path) not in done.stderr, done.stderr


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


def test_proxies_pass_on_to_where_the_webhook_listens():
    for file in ("nginx.conf", "Caddyfile"):
        assert Settings().telegram.webhook_listen in (DEPLOY / file).read_text()
