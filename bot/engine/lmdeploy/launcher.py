"""`lmdeploy serve api_server` with our preprocess, run by the serve environment's Python.

    python -m bot.engine.lmdeploy.launcher MODEL [--preprocess gpu|stock] [--prefix-cache] [--key-env NAME]
                                           [--log-format text|json] [--proxy-url URL] [any option of api_server]

LMDeploy's files are not changed. Our classes are put into its registries: `vision_model.py` in this process,
`input_processor.py` in the engine process. The chat template is the model's own (`configs/chat_templates.toml`), not
that of its tokenizer. LMDeploy starts the engine process by `spawn`, so it runs this file's top
level too, as `__mp_main__`. There LMDeploy's rule against repetition is fixed (`repetition_fix.py`). If our classes
can't be registered, with another LMDeploy for example, a warning is logged and LMDeploy's own preprocess is used. The
server prints `listening on ADDRESS` once it listens.
"""

import argparse
import importlib
import json
import logging
import multiprocessing
import os
import socket
import sys
import threading
import time
from pathlib import Path

from bot.engine.lmdeploy import node_name, photo_memo, prefix_cache
from bot.engine.lmdeploy.request_log import log_requests
from configs.chat_templates import chat_template
from configs.errors import JokebotError
from configs.log_context import ContextFormatter
from configs.model_code import verified_copy
from storage.checkpoint.check import check_checkpoint

MODE = "LMDEPLOY_JOKEBOT_PREPROCESS"
"""Environment variable: which preprocess the server process has registered, for the engine process."""
LOG_FORMAT = "LMDEPLOY_JOKEBOT_LOG_FORMAT"
"""Environment variable: the format of our log lines."""
ARCHITECTURE = "InternVLChatModel"
TESTED_VERSIONS = ("0.18.0",)
"""The LMDeploy versions with which our classes were tested."""
ENGINE_PROCESS = "mp_engine_proc"
"""LMDeploy's name for its engine process; its other processes don't need our classes."""
BLOCK_TOKENS = 64
"""Tokens of a cache block; LMDeploy's default."""
POLL_INTERVAL_S = 0.2
logger = logging.getLogger("jokebot.launcher")


def prepare_log() -> None:
    """Give our log lines a handler of their own: LMDeploy raises the level of all handlers of the root logger."""
    handler = logging.StreamHandler()
    handler.setFormatter(ContextFormatter(os.environ.get(LOG_FORMAT, "text")))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def check_version() -> None:
    """Raises ImportError for a version of LMDeploy that was not tested."""
    import lmdeploy

    if lmdeploy.__version__ not in TESTED_VERSIONS:
        raise ImportError(f"LMDeploy {lmdeploy.__version__} was not tried; known are {', '.join(TESTED_VERSIONS)}")


def register() -> None:
    """Replace LMDeploy's classes in its registries. Raises a built-in exception if its internals differ."""
    from lmdeploy.pytorch.models.module_map import MODULE_MAP
    from lmdeploy.vl.model.base import VISION_MODELS

    vision = importlib.import_module("bot.engine.lmdeploy.vision_model")
    model = importlib.import_module("bot.engine.lmdeploy.input_processor")
    stock = vision.InternVLVisionModel.__name__
    if stock not in VISION_MODELS.module_dict or ARCHITECTURE not in MODULE_MAP:
        raise AttributeError(f"LMDeploy has no {stock} or no {ARCHITECTURE}")
    VISION_MODELS.register_module(name=stock, force=True, module=vision.PhotoVisionModel)
    MODULE_MAP[ARCHITECTURE] = f"{model.__name__}.{model.PhotoInternVLChatModel.__name__}"
    if multiprocessing.current_process().name != ENGINE_PROCESS:
        prefix_cache.register()
        photo_memo.register()


def prepare_engine() -> None:
    """In the engine process: fix the rule against repetition, and register our classes if the server process did.

    A failure of the fix is logged. A failure to register ends the process: the server process depends on the classes.
    """
    try:
        check_version()
        importlib.import_module("bot.engine.lmdeploy.repetition_fix").register()
    except Exception:
        logger.warning(
            "LMDeploy's rule against repetition can't be fixed; "
            "with joke.repetition_ngram_size it may end jokes too early.",
            exc_info=True,
        )
    if os.environ.get(MODE) == "gpu":
        register()
        logger.info("registered in the engine process")


def register_or_warn() -> str:
    """Register our classes; returns the preprocess that will run: "gpu", or "stock" after a warning."""
    try:
        check_version()
        register()
    except Exception:
        # Another version may fail in any way; a slower server is better than none.
        logger.warning(
            "The preprocess on the GPU can't be registered; LMDeploy's own preprocess is used.", exc_info=True
        )
        return "stock"
    return "gpu"


def name_node_or_warn(address: str, port: int) -> None:
    """Give this server a model name of its own for the proxy (`node_name.py`), or log a warning."""
    host = socket.gethostname() if address in ("0.0.0.0", "::") else address
    try:
        check_version()
        node_name.register(f"{host}:{port}")
    except Exception:
        # Another version may fail in any way; without the name the proxy chooses the server of each photo.
        logger.warning("The server gets no model name of its own behind the proxy.", exc_info=True)


def print_when_listening(host: str, port: int) -> None:
    """Print the ready line once the port answers. LMDeploy binds it last, after loading and warming up the model."""
    while True:
        with socket.socket() as probe:
            probe.settimeout(POLL_INTERVAL_S)
            if probe.connect_ex((host, port)) == 0:
                break
        time.sleep(POLL_INTERVAL_S)
    print(f"listening on http://{host}:{port}", flush=True)


def write_template(name: str, folder: Path) -> Path:
    """Write a chat template in LMDeploy's form."""
    path = folder / "chat_template.json"
    path.write_text(json.dumps(chat_template(name).lmdeploy_config(), ensure_ascii=False, indent=2), encoding="utf-8")
    return path


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The launcher's own options, and those for LMDeploy."""
    parser = argparse.ArgumentParser(prog="launcher", allow_abbrev=False)
    parser.add_argument("model", type=Path)
    parser.add_argument("--preprocess", choices=("gpu", "stock"), default="gpu")
    parser.add_argument("--prefix-cache", action="store_true")
    parser.add_argument("--cache-block-seq-len", type=int, default=BLOCK_TOKENS)
    parser.add_argument("--key-env", default="")
    parser.add_argument("--proxy-url", default="")
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
    parser.add_argument("--server-name", default="127.0.0.1")
    parser.add_argument("--server-port", type=int, default=23333)
    return parser.parse_known_args(arguments)


def prepare_model(model: Path) -> tuple[Path, Path]:
    """The copy of a model's code that LMDeploy loads, and its chat template's file. Ends the process with one line."""
    try:
        checkpoint = check_checkpoint(model)
        # Before LMDeploy imports transformers. LMDeploy's own processes load this copy too.
        code = verified_copy(checkpoint.directory)
        return code, write_template(checkpoint.template, code.parent)
    except (JokebotError, OSError) as error:
        sys.exit(str(error))


def main(arguments: list[str]) -> None:
    """Run the server; returns when it has ended."""
    own_options, server_options = parse(arguments)
    os.environ[LOG_FORMAT] = own_options.log_format
    prepare_log()
    code, template = prepare_model(own_options.model)
    os.environ[MODE] = register_or_warn() if own_options.preprocess == "gpu" else "stock"
    is_cached = own_options.prefix_cache and os.environ[MODE] == "gpu"
    os.environ[prefix_cache.PREFIX_CACHE] = str(own_options.cache_block_seq_len if is_cached else 0)
    logger.info("preprocess: %s, prefix cache: %s", os.environ[MODE], "on" if is_cached else "off")
    key = os.environ.get(own_options.key_env, "") if own_options.key_env else ""
    # LMDeploy reads sys.argv; the key is added in this process only, so `ps` doesn't show it.
    sys.argv = [
        "lmdeploy",
        "serve",
        "api_server",
        str(code),
        *([] if "--chat-template" in server_options else ["--chat-template", str(template)]),
        *server_options,
        "--server-name",
        own_options.server_name,
        "--server-port",
        str(own_options.server_port),
        "--cache-block-seq-len",
        str(own_options.cache_block_seq_len),
        *(["--api-keys", key] if key else []),
        *(["--proxy-url", own_options.proxy_url] if own_options.proxy_url else []),
    ]
    if own_options.proxy_url:
        name_node_or_warn(own_options.server_name, own_options.server_port)
    log_requests()
    threading.Thread(
        target=print_when_listening, args=(own_options.server_name, own_options.server_port), daemon=True
    ).start()
    importlib.import_module("lmdeploy.cli").run()


if __name__ == "__mp_main__" and MODE in os.environ and multiprocessing.current_process().name == ENGINE_PROCESS:
    prepare_log()
    prepare_engine()

if __name__ == "__main__":
    main(sys.argv[1:])
