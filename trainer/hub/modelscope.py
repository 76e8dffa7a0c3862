"""ModelScope over its HTTP interface; huggingface_hub's download function does the transfer.

ModelScope's client would bring packages of its own. The interface is that client's (modelscope/hub/api.py):
`/api/v1/models/ID/repo/files` lists with sizes and SHA-256, `/api/v1/models/ID/repo` gives a file and obeys Range.
"""

import os
from pathlib import Path
from urllib.parse import urlencode

from huggingface_hub.file_download import http_get
from huggingface_hub.utils import get_session, hf_raise_for_status

from trainer.hub.catalog import CatalogEntry, FetchError
from trainer.hub.listing import RemoteFile, RepositoryListing

OFFICIAL = "https://www.modelscope.cn"
BRANCH = "master"
TIMEOUT_S = 60


class ModelScopeHub:
    """ModelScope at `MODELSCOPE_ENDPOINT`, else at modelscope.cn. It names no commits: digests pin the content."""

    def __init__(self) -> None:
        self.address = (os.environ.get("MODELSCOPE_ENDPOINT") or OFFICIAL).rstrip("/")

    def list_files(self, entry: CatalogEntry, revision: str | None) -> RepositoryListing:
        if not entry.on_modelscope:
            raise FetchError(
                f"{entry.repository} is fetched from Hugging Face only. Where that can't be reached, name a mirror: "
                "`--from https://hf-mirror.com`."
            )
        revision = revision or BRANCH
        response = get_session().get(
            f"{self.address}/api/v1/models/{entry.repository}/repo/files",
            params={"Revision": revision, "Recursive": "true"},
            timeout=TIMEOUT_S,
        )
        hf_raise_for_status(response)
        try:
            files = [
                RemoteFile(item["Path"], int(item["Size"]), item.get("Sha256") or None)
                for item in response.json()["Data"]["Files"]
                if item.get("Type") != "tree"
            ]
        except (KeyError, TypeError, AttributeError) as error:
            raise FetchError(
                f"{self.address} answered with something else than a list of files. Try again later."
            ) from error
        return RepositoryListing(
            entry.repository,
            revision,
            "",
            f"{self.address}/models/{entry.repository}",
            tuple(file for file in files if entry.wants(file.name)),
            tuple(file for file in files if not entry.wants(file.name)),
        )

    def download(
        self, entry: CatalogEntry, listing: RepositoryListing, file: RemoteFile, folder: Path, *, use_cache: bool
    ) -> None:
        """As `FileHub.download`; ModelScope's own cache is not used."""
        query = urlencode({"Revision": listing.revision, "FilePath": file.name})
        part = folder / ".cache" / "modelscope" / f"{(file.sha256 or 'unknown')[:16]}-{file.name}"
        part.parent.mkdir(parents=True, exist_ok=True)
        if part.is_file() and part.stat().st_size > file.size:
            part.unlink()
        with part.open("ab") as target:
            http_get(
                f"{self.address}/api/v1/models/{entry.repository}/repo?{query}",
                target,
                resume_size=part.stat().st_size,
                expected_size=file.size,
                displayed_filename=file.name,
            )
        part.replace(folder / file.name)
