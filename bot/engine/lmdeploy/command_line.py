"""The command line and environment of one LMDeploy server.

The server is `lmdeploy serve api_server` on loopback, reached through `launcher.py`, which registers our preprocess
first. When it listens it prints `listening on http://127.0.0.1:PORT`, which `bot/runtime/child_process.py` waits for.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from bot.engine.lmdeploy.cache_size import cache_blocks, session_tokens
from configs.settings import ROOT, Settings

KEY_VARIABLE = "LMDEPLOY_SERVER_KEY"
OURS = "JOKEBOT_"


def command(model_dir: Path, port: int, settings: Settings, *, name: str = "") -> list[str]:
    """The command that serves the checkpoint on 127.0.0.1:port; `name` is the model's name there, "" the directory's.

    The API key is in `environment` and not in the command, which every user of the host can read. Raises JokebotError
    where the GPU's memory is too small.
    """
    limits = settings.lmdeploy
    model_name = ["--model-name", name] if name else []
    return [
        str(settings.environments.serve_python),
        "-m",
        "bot.engine.lmdeploy.launcher",
        str(model_dir.absolute()),
        "--preprocess",
        limits.preprocess,
        "--key-env",
        KEY_VARIABLE,
        "--log-format",
        settings.log.format,
        "--server-name",
        "127.0.0.1",
        "--server-port",
        str(port),
        *model_name,
        # Needed for InternVL2's configuration (tried with 0.18.0); the checkpoint's code was agreed to by an admin.
        "--trust-remote-code",
        "--backend",
        "pytorch",
        "--log-level",
        "WARNING",
        "--disable-fastapi-docs",
        # Its metrics take time for every token; the bot has its own.
        "--disable-metrics",
        "--max-batch-size",
        str(limits.max_batch),
        "--max-prefill-token-num",
        str(limits.prefill_tokens),
        "--session-len",
        str(session_tokens(settings)),
        "--num-gpu-blocks",
        str(cache_blocks(model_dir, settings)),
    ]


def environment(key: str, *, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The server's environment: ours (or `base`) without the bot's settings and secrets, and LMDeploy's own."""
    variables = os.environ if base is None else base
    inherited = {name: value for name, value in variables.items() if not name.startswith(OURS)}
    paths = [str(ROOT), *filter(None, [inherited.get("PYTHONPATH")])]
    return inherited | {
        # One thread: 16 of torch's threads slow the engine down to a third of its throughput (measured on an H100).
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        # Longer than clients keep an idle connection, so that no connection is closed during a request.
        "UVICORN_TIMEOUT_KEEP_ALIVE": "120",
        KEY_VARIABLE: key,
    }
