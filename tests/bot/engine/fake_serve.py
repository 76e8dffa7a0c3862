"""A fake of the serve environment's Python: parses LMDeploy's command line and runs a stub server instead.

Like LMDeploy it rejects a missing directory and unknown options. It also rejects a key in its arguments and a model
named "base".
"""

import argparse
import os
import sys
from pathlib import Path

from storage.checkpoint.template import template_of


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-m", dest="module")
    parser.add_argument("directory", type=Path)
    for option in ("--preprocess", "--key-env", "--log-format", "--server-name", "--backend", "--log-level"):
        parser.add_argument(option)
    for option in ("--server-port", "--max-batch-size", "--max-prefill-token-num", "--session-len", "--num-gpu-blocks"):
        parser.add_argument(option, type=int, required=True)
    parser.add_argument("--model-name", required=True)
    for option in ("--trust-remote-code", "--disable-fastapi-docs", "--disable-metrics", "--prefix-cache"):
        parser.add_argument(option, action="store_true")
    asked = parser.parse_args(arguments)
    assert asked.model_name != "base", "please specify chat template"
    assert asked.module == "bot.engine.lmdeploy.launcher" and (asked.directory / "config.json").is_file()
    assert os.environ["OMP_NUM_THREADS"] == "1" and os.environ["HF_HUB_OFFLINE"] == "1" and asked.num_gpu_blocks > 0
    os.environ["STUB_KEY"] = os.environ[asked.key_env]
    os.execv(
        sys.executable,
        [
            sys.executable,
            "-m",
            "bot.engine.stub.server",
            "--port",
            str(asked.server_port),
            "--name",
            asked.model_name,
            "--chat-template",
            template_of(asked.directory),
            "--ids",
            str(asked.directory),
            *os.environ.get("STUB_OPTIONS", "").split(),
        ],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
