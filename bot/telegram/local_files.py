"""Files of a Bot API server in local mode, which names them by their paths on its own disk.

Source: https://core.telegram.org/bots/api#using-a-local-bot-api-server. Such a server serves no file over HTTP.
"""

import os
import re
import stat
from pathlib import Path

from telegram.error import BadRequest

from configs.errors import JokebotError


class LocalFileMissing(JokebotError):
    """A file of a server in local mode can't be read on this host; the message has the remedy."""


LOCAL_PATH = re.compile(r"/|\\\\|[A-Za-z]:[/\\]")
"""Begins a `file_path` of getFile that is a path on the server's disk, POSIX or Windows. Others are parts of a URL."""


def read_local_file(file_path: str, max_bytes: int, token: str) -> bytes:
    """A file's bytes. Blocks.

    Raises LocalFileMissing without `token`, which is part of such paths, and BadRequest for more than `max_bytes`.
    """
    try:
        with Path(file_path).open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError("it is no file")
            data = file.read(max_bytes + 1) if status.st_size <= max_bytes else b""
    except OSError as error:
        shown = file_path.replace(token, "TOKEN")
        raise LocalFileMissing(
            f"The Bot API server runs in local mode, and its file {shown} can't be read on this host "
            f"({error.strerror or error}). Share its folder under the same path, or start it without --local."
        ) from None
    if len(data) > max_bytes or status.st_size > max_bytes:
        raise BadRequest("file is too big")
    return data
