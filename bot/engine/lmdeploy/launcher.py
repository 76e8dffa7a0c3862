"""`lmdeploy serve api_server` with our preprocess: run by the serve environment's Python, which has LMDeploy and not the bot.

    python -m bot.engine.lmdeploy.launcher MODEL [--preprocess gpu|stock] [--key-env NAME] [--log-format text|json] [any option of api_server]

LMDeploy itself is not changed: its registries are told of our classes (`vision.py` in this process, `model.py` in the engine
process, which LMDeploy starts by `spawn` and which therefore runs this file's top level too, as `__mp_main__`), and its rule
against repetition is mended (`repetition.py`). Where that fails, with another LMDeploy say, a warning is written and the server preprocesses as LMDeploy does. Once it listens,
`listening on ADDRESS` is printed.
"""
import argparse
import importlib
import logging
import multiprocessing
import os
import socket
import sys
import threading
import time

from bot.engine.lmdeploy.noting import note_requests
from configs.log_lines import Lines

MODE = "LMDEPLOY_JOKEBOT_PREPROCESS"
"""Tells the engine process what was registered in the server process."""
LOG_FORMAT = "LMDEPLOY_JOKEBOT_LOG_FORMAT"
"""Tells it the form of our log lines."""
ARCHITECTURE = "InternVLChatModel"
TESTED = ("0.18.0",)
"""Versions of LMDeploy whose inner parts are known to fit."""
ENGINE_PROCESS = "mp_engine_proc"
"""LMDeploy's name for its engine process; it starts others too, which have no use for our classes."""
CHECK_S = 0.2
logger = logging.getLogger("jokebot.launcher")


def prepare_log() -> None:
    """Our lines reach the log by a handler of their own: LMDeploy raises the level of all that the root logger has."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(os.environ.get(LOG_FORMAT, "text")))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def check_version() -> None:
    """Raises ImportError for an LMDeploy whose inner parts nobody has looked at."""
    import lmdeploy

    if lmdeploy.__version__ not in TESTED:
        raise ImportError(f"LMDeploy {lmdeploy.__version__} was not tried; known are {', '.join(TESTED)}")


def register() -> None:
    """Put our classes in the places of LMDeploy's, whose version was looked at. Raises one of Python's own errors where that can't be."""
    from lmdeploy.pytorch.models.module_map import MODULE_MAP
    from lmdeploy.vl.model.base import VISION_MODELS

    vision = importlib.import_module("bot.engine.lmdeploy.vision")
    model = importlib.import_module("bot.engine.lmdeploy.model")
    stock = vision.InternVLVisionModel.__name__
    if stock not in VISION_MODELS.module_dict or ARCHITECTURE not in MODULE_MAP:
        raise AttributeError(f"LMDeploy has no {stock} or no {ARCHITECTURE}")
    VISION_MODELS.register_module(name=stock, force=True, module=vision.PhotoVisionModel)
    MODULE_MAP[ARCHITECTURE] = f"{model.__name__}.{model.PhotoInternVLChatModel.__name__}"


def prepare_engine() -> None:
    """In the engine process: our classes where the server process, which has looked at the version, counts on them, so a failure
    ends it; and LMDeploy's rule against repetition mended, where it is known, whatever the preprocess."""
    try:
        check_version()
        importlib.import_module("bot.engine.lmdeploy.repetition").register()
    except Exception:
        logger.warning("LMDeploy's rule against repetition can't be mended; with joke.repetition_ngram_size it may end jokes too early.", exc_info=True)
    if os.environ.get(MODE) == "gpu":
        register()
        logger.info("registered in the engine process")


def register_or_warn() -> str:
    """The preprocess that will run: "gpu", or "stock" with a warning where our classes can't be registered."""
    try:
        check_version()
        register()
    except Exception:
        # Whatever another version breaks, a slower server is better than none.
        logger.warning("The preprocess on the GPU can't be registered; photos are prepared as LMDeploy does it.", exc_info=True)
        return "stock"
    return "gpu"


def say_when_listening(host: str, port: int) -> None:
    """Print the ready line once the port answers. LMDeploy binds it last, with the model loaded and warm."""
    while True:
        with socket.socket() as probe:
            probe.settimeout(CHECK_S)
            if probe.connect_ex((host, port)) == 0:
                break
        time.sleep(CHECK_S)
    print(f"listening on http://{host}:{port}", flush=True)


def main(arguments: list[str]) -> None:
    """Start the server; returns when it ends."""
    parser = argparse.ArgumentParser(prog="launcher", allow_abbrev=False)
    parser.add_argument("--preprocess", choices=("gpu", "stock"), default="gpu")
    parser.add_argument("--key-env", default="")
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
    parser.add_argument("--server-name", default="127.0.0.1")
    parser.add_argument("--server-port", type=int, default=23333)
    ours, rest = parser.parse_known_args(arguments)
    os.environ[LOG_FORMAT] = ours.log_format
    prepare_log()
    os.environ[MODE] = register_or_warn() if ours.preprocess == "gpu" else "stock"
    logger.info("preprocess: %s", os.environ[MODE])
    key = os.environ.get(ours.key_env, "") if ours.key_env else ""
    # LMDeploy reads its own command line; the key joins it in this process alone, where `ps` doesn't show it.
    sys.argv = ["lmdeploy", "serve", "api_server", *rest, "--server-name", ours.server_name,
                "--server-port", str(ours.server_port), *(["--api-keys", key] if key else [])]
    note_requests()
    threading.Thread(target=say_when_listening, args=(ours.server_name, ours.server_port), daemon=True).start()
    importlib.import_module("lmdeploy.cli").run()


if __name__ == "__mp_main__" and MODE in os.environ and multiprocessing.current_process().name == ENGINE_PROCESS:
    prepare_log()
    prepare_engine()

if __name__ == "__main__":
    main(sys.argv[1:])
