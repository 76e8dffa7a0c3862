"""The command line and environment of one LMDeploy server, for whoever starts it.

The server is `lmdeploy serve api_server` on loopback, reached through `launcher.py`, which registers our preprocess first.
When it listens it prints `listening on http://127.0.0.1:PORT`, which `bot/engine/child.py` waits for.
"""
import os
from collections.abc import Mapping
from pathlib import Path

from bot.engine.lmdeploy.memory import cache_blocks, session_tokens
from configs.settings import ROOT, Settings

KEY_VARIABLE = "LMDEPLOY_SERVER_KEY"
OURS = "JOKEBOT_"


def command(model_dir: Path, port: int, settings: Settings, *, name: str = "") -> list[str]:
    """The command that serves the checkpoint on 127.0.0.1:port; `name` is the model's name there (else the directory's).

    Raises JokebotError where the card is too small. The API key is not in the command, which every user of the host can read:
    it comes through `environment`.
    """
    limits = settings.lmdeploy
    served = ["--model-name", name] if name else []
    return [str(settings.environments.serve_python), "-m", "bot.engine.lmdeploy.launcher", str(model_dir.absolute()),
            "--preprocess", limits.preprocess, "--key-env", KEY_VARIABLE, "--log-format", settings.log.format,
            "--server-name", "127.0.0.1", "--server-port", str(port), *served,
            # Only ever a checkpoint of our own: without it InternVL2's configuration is not understood (ran, 0.18.0).
            "--trust-remote-code", "--backend", "pytorch", "--log-level", "WARNING", "--disable-fastapi-docs",
            # Its metrics take time for every word; the bot counts its own.
            "--disable-metrics",
            "--max-batch-size", str(limits.max_batch), "--max-prefill-token-num", str(limits.prefill_tokens),
            "--session-len", str(session_tokens(settings)), "--num-gpu-blocks", str(cache_blocks(model_dir, settings))]


def environment(key: str, *, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The server's environment: ours (or `base`) without the bot's settings and secrets, with what LMDeploy needs."""
    kept = {name: value for name, value in (os.environ if base is None else base).items() if not name.startswith(OURS)}
    paths = [str(ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    # One thread: 16 of torch's own starve the engine, which costs two thirds of the throughput (ran on an H100).
    kept |= {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
             "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1",
             # Longer than clients keep an idle connection, so that none is closed under a request.
             "UVICORN_TIMEOUT_KEEP_ALIVE": "120", KEY_VARIABLE: key}
    return kept
