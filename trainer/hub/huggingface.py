"""Hugging Face and its mirrors, by huggingface_hub: it resumes, and reads HF_TOKEN and the proxies' variables."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, hf_hub_download
from huggingface_hub.errors import HFValidationError

from trainer.hub.catalog import CatalogEntry, FetchError
from trainer.hub.listing import RemoteFile, RepositoryListing

OFFICIAL = "https://huggingface.co"
constants.DOWNLOAD_CHUNK_SIZE = 1 << 20  # a broken connection loses at most so many bytes; by default ten times as many


class HuggingFaceHub:
    """The hub at `HF_ENDPOINT`, else at huggingface.co; `mirror` is another address.

    A mirror that only the command names gets no token.
    """

    def __init__(self, mirror: str | None = None) -> None:
        self.address = (mirror or os.environ.get("HF_ENDPOINT") or OFFICIAL).rstrip("/")
        self._token = False if mirror else None

    def list_files(self, entry: CatalogEntry, revision: str | None) -> RepositoryListing:
        api = HfApi(endpoint=self.address, token=self._token)
        try:
            info: Any = api.repo_info(entry.repository, repo_type=entry.kind, revision=revision, files_metadata=True)
        except HFValidationError as error:
            raise FetchError(f"{entry.repository} is no name of a repository.") from error
        files = [
            RemoteFile(
                file.rfilename,
                file.size or 0,
                file.lfs.sha256 if file.lfs else None,
                None if file.lfs else file.blob_id,
            )
            for file in info.siblings or []
        ]
        folder = "datasets/" if entry.kind == "dataset" else ""
        return RepositoryListing(
            entry.repository,
            str(info.sha),
            _licence(info.tags or []),
            f"{self.address}/{folder}{entry.repository}",
            tuple(file for file in files if entry.wants(file.name)),
            tuple(file for file in files if not entry.wants(file.name)),
        )

    def download(
        self, entry: CatalogEntry, listing: RepositoryListing, file: RemoteFile, folder: Path, *, use_cache: bool
    ) -> None:
        """As `FileHub.download`. `use_cache` copies the file from the user's Hugging Face cache if it is there."""
        hf_hub_download(
            entry.repository,
            file.name,
            repo_type=entry.kind,
            revision=listing.revision,
            local_dir=folder,
            cache_dir=None if use_cache else folder / ".cache" / "none",
            endpoint=self.address,
            token=self._token,
        )


def _licence(tags: Iterable[str]) -> str:
    return ", ".join(tag.removeprefix("license:") for tag in tags if tag.startswith("license:"))
