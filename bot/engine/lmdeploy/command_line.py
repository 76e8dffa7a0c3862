"""The command line and environment of one LMDeploy server.

The command runs `launcher.py`, which registers our preprocess and then starts `lmdeploy serve api_server` on loopback.
Once the server listens it prints `listening on http://127.0.0.1:PORT`; `bot/runtime/child_process.py` waits for that.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from bot.engine.lmdeploy.cache_size import cache_blocks, session_tokens
from configs.child_environment import child_environment
from configs.settings import ROOT, Settings

KEY_VARIABLE = "LMDEPLOY_SERVER_KEY"


def server_command(model_dir: Path, port: int, settings: Settings, *, name: str = "") -> list[str]:
    """The command that serves a checkpoint on 127.0.0.1:port. `name` is the model's name there, "" the directory's.

    The API key is in the environment and not in the command, which every user of the host can read. Raises
    JokebotError if the GPU's memory is too small.
    """
    limits = settings.lmdeploy
    return [
        str(settings.environments.serve_python),
        "-m",
        "bot.engine.lmdeploy.launcher",
        str(model_dir.absolute()),
        "--preprocess",
        limits.preprocess,
        *(["--prefix-cache"] if limits.prefix_cache else []),
        "--key-env",
        KEY_VARIABLE,
        "--log-format",
        settings.log.format,
        "--server-name",
        "127.0.0.1",
        "--server-port",
        str(port),
        *(["--model-name", name] if name else []),
        *_engine_options(model_dir, settings),
    ]


def _engine_options(model_dir: Path, settings: Settings) -> list[str]:
    limits = settings.lmdeploy
    return [
        # Needed for InternVL2's configuration (tried with 0.18.0). An admin has agreed to the checkpoint's code.
        "--trust-remote-code",
        "--backend",
        "pytorch",
        "--log-level",
        "WARNING",
        "--disable-fastapi-docs",
        # LMDeploy's metrics take time for every token; the bot has its own.
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


def server_environment(key: str, *, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The server's environment: `base` (this process's) without the bot's settings and secrets, and LMDeploy's own."""
    inherited = child_environment(variables=base)
    paths = [str(ROOT), *filter(None, [inherited.get("PYTHONPATH")])]
    return inherited | {
        # One thread: with 16 threads of torch the engine has a third of the throughput (measured on an H100).
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        # Longer than clients keep an idle connection, so the server never closes one during a request.
        "UVICORN_TIMEOUT_KEEP_ALIVE": "120",
        KEY_VARIABLE: key,
    }
