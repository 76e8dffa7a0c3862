"""The licence is the same in its file, the package's metadata and the site, and notices cover other authors' files."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_licence_file_the_metadata_and_the_site_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0" and "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text()
    assert all((ROOT / file).is_file() for file in project["license-files"])
    assert "Apache License 2.0" in (ROOT / "mkdocs.yml").read_text()
    assert "Apache License 2.0" in (ROOT / "README.md").read_text()


def test_a_notice_covers_every_picture_font_and_model_file():
    covered = (ROOT / "NOTICE").read_text()
    kinds = (".jpg", ".png", ".woff", ".woff2", ".ttf", ".otf", ".safetensors")
    skipped = {".git", ".venv", "build", "data", "node_modules"}
    for file in ROOT.rglob("*"):
        path = file.relative_to(ROOT)
        if file.suffix in kinds and not skipped & set(path.parts) and "reference" not in path.parts:
            assert path.parent.as_posix() in covered, path


def test_the_repository_contains_no_font_file():
    fonts = [
        file
        for kind in ("woff", "woff2", "ttf", "otf")
        for folder in ("bot", "configs", "docs")
        for file in (ROOT / folder).rglob(f"*.{kind}")
    ]
    assert fonts == []
