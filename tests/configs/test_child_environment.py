"""Child processes inherit none of the bot's settings but those that they need, and no secret one."""

import ast
from pathlib import Path

from pydantic import SecretStr

from configs.child_environment import SECRETS, child_environment
from configs.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
STARTERS = {"create_subprocess_exec": "env", "run_program": "", "start_child": "environment"}
"""Functions that start a process, with the name of their argument for its environment; "": it is positional."""
WHOLE = {"bot/demo/stack.py", "bot/__main__.py"}
"""The demo starts the sandbox and the bot itself, with a token of its own. A command may replace its own process."""


def test_every_secret_setting_is_on_the_list():
    secret = {
        f"{PREFIX}{section}_{name}".upper()
        for section, field in Settings.model_fields.items()
        for name, value in field.annotation.model_fields.items()
        if value.annotation is SecretStr
    }
    assert secret == set(SECRETS)


def test_a_child_gets_the_settings_that_it_needs_and_everything_of_the_system():
    variables = {"PATH": "/bin", "HOME": "/h", "JOKEBOT_LOG_LEVEL": "INFO", "JOKEBOT_ENGINE_URL": "u"}
    variables |= dict.fromkeys(SECRETS, "secret")
    assert child_environment(variables=variables) == {"PATH": "/bin", "HOME": "/h"}
    kept = child_environment("JOKEBOT_LOG_", "JOKEBOT_ENGINE_", variables=variables)
    assert kept == {"PATH": "/bin", "HOME": "/h", "JOKEBOT_LOG_LEVEL": "INFO", "JOKEBOT_ENGINE_URL": "u"}


def test_no_child_is_started_with_the_whole_environment():
    missing = []
    for file in sorted((ROOT / "bot").rglob("*.py")) + sorted((ROOT / "storage").rglob("*.py")):
        place = file.relative_to(ROOT).as_posix()
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            argument = STARTERS.get(name)
            if argument and argument not in {keyword.arg for keyword in call.keywords}:
                missing.append(f"{place}:{call.lineno} {name}")
        if "os.environ," in file.read_text(encoding="utf-8") and place not in WHOLE:
            missing.append(f"{place} passes os.environ on")
    assert missing == []
