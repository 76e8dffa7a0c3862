"""Faults of a download: which ones another attempt can mend, and what an admin reads about the others."""

import errno

from huggingface_hub.errors import (
    FileMetadataError,
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
)

from trainer.hub.catalog import CatalogEntry, FetchError

TEMPORARY = frozenset({408, 425, 429})
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
OTHER_WAYS = (
    "Behind a proxy set HTTPS_PROXY; where the hub is blocked, name a mirror (`HF_ENDPOINT=https://hf-mirror.com`) or "
    "`--from modelscope`"
)


def root_cause(error: OSError) -> OSError:
    """huggingface_hub wraps failed requests in an error about its cache; the request's own error is the cause."""
    cause = error.__cause__
    return cause if isinstance(error, LocalEntryNotFoundError) and isinstance(cause, OSError) else error


def http_status(error: OSError) -> int | None:
    """The status of the hub's answer; None if there was none."""
    return getattr(getattr(root_cause(error), "response", None), "status_code", None)


def is_final(error: OSError) -> bool:
    """Whether another attempt would fail as well: the disk, a refusal by the hub, offline mode."""
    cause, status = root_cause(error), http_status(error)
    if status is not None:
        return 400 <= status < 500 and status not in TEMPORARY
    if isinstance(cause, LocalEntryNotFoundError):
        return False
    # ValueError: an address that is none, or an answer that is no JSON.
    return cause.errno is not None or isinstance(cause, OfflineModeIsEnabled | FileMetadataError | ValueError)


def explain(error: OSError, address: str, entry: CatalogEntry, revision: str | None) -> FetchError:
    """The error for the admin, one line."""
    cause, status = root_cause(error), http_status(error)
    what = f"{entry.repository} at {address}"
    if cause.errno in FULL:
        return FetchError("The disk is full. Free some space; the same command continues where it stopped.")
    if isinstance(cause, OfflineModeIsEnabled):
        return FetchError("HF_HUB_OFFLINE is set, so nothing is fetched. Unset it.")
    if isinstance(cause, GatedRepoError) or status == 403:
        return FetchError(f"{what} is given to accounts only. Accept its conditions there, and set HF_TOKEN.")
    if status == 401:
        return FetchError(f"{what} isn't there, or is given to accounts only (401). If it is yours, set HF_TOKEN.")
    if status == 404:
        return FetchError(f"{what} isn't there{f' in revision {revision}' if revision else ''} (404).")
    said = _reason(cause)
    if status is not None:
        return FetchError(f"{what} can't be had: the hub answered {status}. Try again later. {OTHER_WAYS}.")
    if cause.errno is not None:
        return FetchError(f"The files can't be written: {cause.strerror or said}.")
    return FetchError(f"{what} can't be had: {said.rstrip('.')}. {OTHER_WAYS}; the same command continues.")


def _reason(error: BaseException) -> str:
    """The operating system's words for the first cause (of a failed connection), else the error's own words."""
    said = " ".join(str(error).split())[:200]
    first: BaseException | None = error
    while first is not None:
        if isinstance(first, OSError) and first.errno is not None and first.strerror:
            said = first.strerror
        first = first.__cause__ or first.__context__
    return said
