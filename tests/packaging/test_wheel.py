"""An installed wheel carries all that the commands need, and works from any folder."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCE = ("src", "conf", "experiments", "pyproject.toml", "README.md", "LICENSE")
TINY = ("epochs=1", "model=vgg9_narrow", "model.width=2", "trainer=cpu", "logger=none", "runtime.threads=1")
IN_ONE_PROCESS = "hydra/launcher=basic"
SURVEYS = (
    *("landscape.line.points=3", "landscape.line.directions=1", "landscape.surface.points=3"),
    *("landscape.interpolation.points=5", "landscape.sharpness.iterations=1"),
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `python -m build` makes of what the repository's build needs, copied elsewhere."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in SOURCE:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(REPOSITORY / name, source)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source]
    subprocess.run(build, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Interpreter of a fresh environment that holds the wheel, and borrows torch and the rest from this one."""
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, with_pip=True)
    interpreter = root / "bin" / "python"
    pip = [interpreter, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(pip, check=True, capture_output=True)
    purelib = subprocess.run(
        [interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    # Appended to sys.path, so the wheel comes first; a .pth file there is not read, so neither is the editable install.
    (Path(purelib) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return interpreter


def command(python: Path, folder: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [python.parent / "lossatlas", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_carries_each_configuration_once(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert len(names) == len(set(names))
    here = {
        path.relative_to(REPOSITORY / "conf").as_posix() for path in (REPOSITORY / "conf").rglob("*.yaml")
    }
    here |= {
        f"experiment/{path.relative_to(REPOSITORY / 'experiments').as_posix()}"
        for path in (REPOSITORY / "experiments").rglob("*.yaml")
    }
    there = {name.removeprefix("lossatlas/conf/") for name in names if name.endswith(".yaml")}
    assert there == here
    assert "hydra_plugins/lossatlas_launcher.py" in names


@pytest.mark.slow
def test_the_installed_commands_work_from_another_folder(python: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [python, "-c", "import lossatlas; print(lossatlas.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not where.stdout.startswith(str(REPOSITORY))
    assert "reproduce" in command(python, tmp_path, "--help")
    swept = command(python, tmp_path, "train", "-m", "seed=1,2", *TINY)  # in processes, by the plugin
    assert swept.count("finished") == 2
    small = (*TINY, *SURVEYS, IN_ONE_PROCESS, "seed=0", "optimizer=sgd")
    answer = command(python, tmp_path, "reproduce", "sharpness", *small)
    assert "cannot tell" in answer
    verdict = json.loads((tmp_path / "results/sharpness/digits/verdict.json").read_bytes())
    assert len(verdict["claims"]) > 10
    assert (tmp_path / "results/sharpness/digits/figure.png").exists()
    assert "finished" in command(python, tmp_path, "runs")
