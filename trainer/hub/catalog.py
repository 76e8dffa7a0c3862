"""What `jokebot fetch` knows by name: repositories, published licences, and the files that are wanted of each."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from configs.errors import JokebotError
from storage.checkpoint.architecture import WORKING
from storage.learning.model_export import LICENCES

MODEL_FILES = ("*.safetensors", "*.json", "*.py", "*.model", "*.txt", "*.jinja", "README.md", "LICENSE*", "NOTICE*")
"""Files of a model, at the top of its repository. Archives, pickled weights and folders are left out."""
MODELS = ("InternVL2-2B", "InternVL2-8B", "InternVL2_5-2B", "InternVL2_5-8B")
OOGIRI, OOGIRI_PICTURES = "oogiri", "images.zip"
OOGIRI_LICENCE = (
    "The data's card says MIT. Its texts and pictures come from users of Bokete, Zhihu and other sites, whose terms "
    "may forbid other uses; decide for yourself."
)
LANGUAGES = ("cn", "en", "jp")
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


class FetchError(JokebotError):
    """Nothing was fetched, or not everything; the message says what to do."""


@dataclass(frozen=True)
class CatalogEntry:
    """A repository, the folder name for its files, patterns of the wanted files, and what is known of its licence."""

    name: str
    kind: Literal["model", "dataset"]
    repository: str
    patterns: tuple[str, ...]
    licence: str
    on_modelscope: bool = True

    def wants(self, file: str) -> bool:
        """Whether a file of the repository is fetched."""
        return "/" not in file and any(fnmatchcase(file, pattern) for pattern in self.patterns)


def find_entry(name: str, language: str = "cn") -> CatalogEntry:
    """The entry of a name: a model (also with a dot, in any case), `oogiri`, or OWNER/NAME for another model.

    Raises FetchError for an unknown name.
    """
    wanted = name.lower().replace("2.5-", "2_5-")
    if wanted == OOGIRI:
        files = (f"{language}.jsonl", OOGIRI_PICTURES, "README.md")
        repository = "zhongshsh/CLoT-Oogiri-GO"
        return CatalogEntry(f"{OOGIRI}-{language}", "dataset", repository, files, OOGIRI_LICENCE, on_modelscope=False)
    for model in MODELS:
        if wanted in (model.lower(), f"opengvlab/{model.lower()}"):
            return CatalogEntry(model, "model", f"OpenGVLab/{model}", MODEL_FILES, LICENCES)
    if REPOSITORY.fullmatch(name) and not wanted.startswith("opengvlab/"):
        return CatalogEntry(name.partition("/")[2], "model", name, MODEL_FILES, "See the repository's card.")
    raise FetchError(
        f"There is no download {name!r}. {WORKING}; so do `{OOGIRI}`, and OWNER/NAME for a model made from one of "
        "these."
    )
