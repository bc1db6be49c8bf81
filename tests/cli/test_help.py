"""Help comes at once and names all that can be composed."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from typed import type_here

from lossatlas.cli import COMMANDS
from lossatlas.experiments.catalogue import experiments
from lossatlas.runs.composition.search_path import config_folder

GROUPS = sorted(path.name for path in config_folder().iterdir() if path.is_dir() and path.name != "hydra")


HEAVY = {"matplotlib", "pytorch_lightning", "torch", "wandb", "xarray"}


def heavy_imports(*arguments: str) -> list[str]:
    """Heavy packages that a command imports."""
    code = (
        "import sys\n"
        "from lossatlas.cli.main import main\n"
        f"try: assert main({list(arguments)!r}) == 0\n"
        "except SystemExit as end: assert end.code == 0\n"
        f"print(*({HEAVY!r} & sys.modules.keys()), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr.split()


def test_help_names_every_command_within_a_second() -> None:
    started = time.perf_counter()
    assert heavy_imports("--help") == []
    assert time.perf_counter() - started < 1
    answer = type_here("--help")
    assert (answer.status, answer.err) == (0, "")
    for command, purpose in COMMANDS.items():
        assert f"  {command:<11} {purpose}\n" in answer.out
    assert type_here().out == answer.out
    assert type_here("--version").out.startswith("lossatlas 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--help"),
        ("train", "--cfg", "job"),
        ("reproduce", "--help"),
        ("export", "--help"),
        ("landscape", "--help"),
    ],
    ids=" ".join,
)
def test_what_only_shows_something_does_not_wait_for_torch(arguments: tuple[str, ...]) -> None:
    assert heavy_imports(*arguments) == []


def test_help_of_train_says_of_every_group_what_it_is_and_what_can_be_chosen() -> None:
    lines = type_here("train", "--help").out.splitlines()
    for group in GROUPS:
        assert any(line.startswith(f"  {group} ") for line in lines), f"{group} is not explained"
        if group != "experiment":
            choices = ", ".join(sorted(path.stem for path in (config_folder() / group).glob("*.yaml")))
            assert f"{group}: {choices}" in lines
    assert any("hydra/launcher" in line for line in lines)
    assert (
        f"experiment: {', '.join(experiments())}" in lines
    )  # as they are typed, not the files of their folders
    assert not any(line.startswith("experiment/") for line in lines)


def test_help_of_the_other_commands_names_their_arguments() -> None:
    reproduce = type_here("reproduce", "--help").out
    assert all(name in reproduce for name in (*experiments(), "--no-train", "--publish", "KEY=VALUE"))
    assert all(name in type_here("runs", "--help").out for name in ("--store", "FILTER"))


@pytest.mark.parametrize("scale", ["digits", "paper"])
def test_the_configuration_that_is_shown_is_yaml_and_that_of_the_scale(scale: str) -> None:
    shown = yaml.safe_load(
        type_here("train", "--cfg", "job", "--resolve", "experiment=sharpness", f"scale={scale}").out
    )
    assert shown["experiment"]["scale"] == scale
    assert shown["epochs"] == {"digits": 30, "paper": 300}[scale]
    assert (
        shown["data"]["_target_"]
        == {"digits": "lossatlas.data.digits", "paper": "lossatlas.data.cifar10"}[scale]
    )


def test_showing_a_configuration_complains_as_running_it_does() -> None:
    answer = type_here("train", "--cfg", "job", "model=mlp", "model.hiden=[3]")
    assert answer.status == 1
    assert answer.complaint == "model.hiden: no such key; did you mean model.hidden?"


def test_values_by_their_former_name_are_told_and_shown() -> None:
    answer = type_here(
        "train",
        "--cfg",
        "job",
        "experiment=sharpness",
        "experiment.levels.width=0.5",
        "-p",
        "experiment.values",
    )
    assert "experiment.levels is called experiment.values now" in answer.err
    assert yaml.safe_load(answer.out)["width"] == 0.5


@pytest.mark.parametrize(
    "arguments", [("train", "--bogus"), ("train", "--config-name", "other"), ("runs", "--bogus")]
)
def test_an_unknown_option_is_named(arguments: tuple[str, ...], folder: Path) -> None:
    answer = type_here(*arguments)
    assert answer.status == 2
    assert arguments[1] in answer.err.splitlines()[-1]
