"""The CPU build of torch is found on any machine: by the configured pip, else on PyTorch's index (here on loopback)."""

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from configs.requirements import make_env
from configs.settings import ROOT
from tests.packaging.loopback_index import loopback_index
from tests.packaging.pip_environment import isolated_pip

MAKE_ENV = ROOT / "configs" / "requirements" / "make_env.py"
TORCH = "2.13.0"
INSTALL = """
import sys; sys.path.insert(0, sys.argv[1])
import make_env
from pathlib import Path
try: make_env.install_torch(Path(sys.argv[2]), gpu=sys.argv[3] == "gpu")
except make_env.EnvironmentFailure as failure: sys.exit(str(failure))
"""


def write_wheel(folder: Path, version: str) -> None:
    """A wheel named torch with one module, complete enough for pip."""
    folder.mkdir(exist_ok=True)
    info = f"torch-{version}.dist-info"
    files = {
        "torch/__init__.py": f'__version__ = "{version}"\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        for name, text in files.items()
    }
    record = "".join(f"{name},sha256={digests[name]},{len(text)}\n" for name, text in files.items())
    with zipfile.ZipFile(folder / f"torch-{version}-py3-none-any.whl", "w") as wheel:
        for name, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            wheel.writestr(name, text)


@pytest.fixture(scope="module")
def environment_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder / "bin" / "python"


@pytest.fixture
def venv(environment_python: Path) -> Iterator[Path]:
    """An environment without torch."""
    yield environment_python
    remove = [environment_python, "-m", "pip", "uninstall", "--quiet", "--yes", "torch"]
    subprocess.run(remove, check=True, capture_output=True)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def install(python: Path, environment: dict[str, str], build: str = "cpu") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", INSTALL, str(MAKE_ENV.parent), str(python), build],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def installed_version(python: Path) -> str:
    program = "import importlib.metadata as m; print(m.version('torch'))"
    return subprocess.run([python, "-c", program], capture_output=True, text=True).stdout.strip()


def test_a_pip_that_finds_nothing_gets_torch_from_pytorchs_cpu_index(tmp_path, venv, empty):
    cpu = tmp_path / "cpu"
    write_wheel(cpu, f"{TORCH}+cpu")
    write_wheel(cpu, "2.99.0+cpu")
    with loopback_index(empty) as configured, loopback_index(cpu) as pytorch:
        environment = isolated_pip(tmp_path, configured.url) | {"TORCH_CPU_INDEX": pytorch.url}
        done = install(venv, environment)
        assert done.returncode == 0, done.stderr
        assert pytorch.url in done.stdout and "190 MB" in done.stdout and "no CPU build" in done.stdout
        assert "/simple/torch/" in configured.requests and any(path.endswith(".whl") for path in pytorch.requests)
    assert installed_version(venv) == f"{TORCH}+cpu" and "ERROR" not in done.stderr


def test_a_configured_pip_that_has_the_cpu_build_is_enough(tmp_path, venv, empty):
    cpu = tmp_path / "cpu"
    write_wheel(cpu, f"{TORCH}+cpu")
    with loopback_index(empty) as configured, loopback_index(empty) as pytorch:
        environment = isolated_pip(tmp_path, configured.url)
        done = install(venv, environment | {"PIP_FIND_LINKS": str(cpu), "TORCH_CPU_INDEX": pytorch.url})
        assert done.returncode == 0 and pytorch.requests == [], done.stderr
    assert installed_version(venv) == f"{TORCH}+cpu"


def test_the_cuda_build_is_never_taken_for_a_cpu(tmp_path, venv):
    """The index has torch without a local version, as a general index does: the CUDA build."""
    cuda = tmp_path / "cuda"
    write_wheel(cuda, TORCH)
    with loopback_index(cuda) as index:
        done = install(venv, isolated_pip(tmp_path, index.url) | {"TORCH_CPU_INDEX": index.url})
        assert not any(path.endswith(".whl") for path in index.requests)
    assert done.returncode == 1 and installed_version(venv) == ""
    assert all(word in done.stderr for word in ("TORCH_CPU_INDEX", "PIP_FIND_LINKS", index.url, "docs/environments.md"))


def test_a_gpu_host_gets_the_cuda_build_from_the_configured_pip(tmp_path, venv):
    cuda = tmp_path / "cuda"
    write_wheel(cuda, TORCH)
    with loopback_index(cuda) as index:
        done = install(venv, isolated_pip(tmp_path, index.url), "gpu")
    assert done.returncode == 0 and "2700 MB" in done.stdout and installed_version(venv) == TORCH


def test_pytorchs_index_is_the_one_of_its_installation_page():
    done = subprocess.run(
        [sys.executable, "-c", "import make_env; print(make_env.CPU_INDEX)"],
        env=os.environ | {"PYTHONPATH": str(MAKE_ENV.parent)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "https://download.pytorch.org/whl/cpu"
    assert done.stdout.strip() in (ROOT / "docs" / "environments.md").read_text()


def test_while_pip_works_a_line_says_what_it_does(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_env, "REPORT_EVERY_S", 0.2)
    pip = tmp_path / "python"
    pip.write_text(
        f"#!{sys.executable}\nimport sys, time\nprint('Collecting numpy==2.4 (from -r lock.txt)')\n"
        "time.sleep(3)\nprint('no space left', file=sys.stderr)\nsys.exit(1)\n"
    )
    pip.chmod(0o755)
    done = make_env.run_pip(pip, "numpy", quiet=True)
    assert done.returncode == 1 and done.stderr == "no space left\n"
    assert "s: Collecting numpy==2.4\n" in capsys.readouterr().out
