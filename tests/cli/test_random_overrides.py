"""Random overrides, drawn from a seed: each command ends in a run, or in one line."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typed import DATA, type_here

from lossatlas.cli import launch
from lossatlas.runs.composition.compose import compose_config, plain
from lossatlas.runs.ensure import perform

SMALL = (
    *DATA,
    "model=mlp",
    "model.hidden=[8]",
    "init=default",
    "epochs=1",
    "trainer=cpu",
    "runtime.threads=1",
)
BASES: dict[str, tuple[str, ...]] = {
    "classifier": ("logger=none",),
    "penalty, schedule": (
        "logger=none",
        "regularizer=l2",
        "optimizer=adam",
        "scheduler=step",
        "init=kaiming",
    ),
    "convolutions": (
        "logger=csv",
        "model=vgg9_narrow",
        "~model.hidden",
        "model.width=2",
        "scheduler=constant",
    ),
    "callbacks": ("logger=csv", "callbacks=[early_stopping,lr_monitor]", "+trainer.gradient_clip_val=1"),
    "members": ("logger=none", "study=checkpoints", "study.members=2", "landscape=ensemble"),
    "line": (
        "logger=none",
        "landscape=[line,weights]",
        "landscape.line.points=3",
        "landscape.line.directions=1",
    ),
    "two runs": ("logger=none", "landscape=interpolation", "landscape.interpolation.other.run=['seed=1']"),
    "curvature": ("logger=none", "landscape=[eigenvalues,trace,sharpness]"),
    "averages": ("logger=none", "study=swa", "scheduler=linear"),
    "push": ("logger=none", "study=distance_kernel", "study.checkpoints=[0]"),
}
VALUES = (
    *(
        "null",
        "true",
        "false",
        "-1",
        "0",
        "1",
        "2",
        "3",
        "0.5",
        "-0.5",
        "16.0",
        "1e-3",
        "nan",
        "inf",
        "-inf",
        "0x1",
    ),
    *(
        "x",
        "''",
        "'0.1'",
        "mean",
        "all",
        "[]",
        "[1]",
        "[1,2,3]",
        "[0.5]",
        "[null]",
        "[a]",
        "[[1]]",
        "[-1]",
        "{}",
    ),
    *(
        "{a:1}",
        "{a:null}",
        "{_target_:1}",
        "{_target_:builtins.print}",
        "{_target_:no.Such}",
        "{run:[1]}",
        "{run:3}",
    ),
    *(
        "{weights:nowhere}",
        "{members:all}",
        "builtins.print",
        "torch.nn.ReLU",
        "???",
        "'${seed}'",
        "'${no.where}'",
    ),
)
SIGNS = ("", "", "", "", "", "", "+", "++", "~", "-")
RARE = 20  # of the runs that are accepted, how many are there for each that is trained


def keys(base: tuple[str, ...]) -> list[str]:
    """All keys of the configuration that the base gives, sections among them, but for Hydra's own."""

    def within(node: Any, path: str) -> Iterator[str]:
        for key, value in node.items() if isinstance(node, dict) else ():
            yield f"{path}{key}"
            yield from within(value, f"{path}{key}.")

    return list(within(plain(compose_config([*SMALL, *base])), ""))


def commands(seed: int, count: int) -> Iterator[list[str]]:
    draw = random.Random(seed)
    known = {name: keys(base) for name, base in BASES.items()}
    for _ in range(count):
        name = draw.choice(list(BASES))
        typed = []
        for _ in range(draw.choice((1, 1, 1, 2))):
            key, sign = draw.choice(known[name]), draw.choice(SIGNS)
            key = draw.choice(
                (key, key, key, key, f"{key}.{draw.choice(('x', 'width', '_target_'))}", key[:-1])
            )
            typed.append(f"~{key}" if sign == "~" else f"{sign}{key}={draw.choice(VALUES)}")
        yield [*SMALL, *BASES[name], *typed]


@pytest.mark.parametrize(("seed", "count"), [(0, 60), pytest.param(1, 3000, marks=pytest.mark.slow)])
def test_random_overrides_end_in_a_run_or_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int, count: int
) -> None:
    """What is accepted is composed and has its dry run; one in twenty is trained and surveyed as well."""
    accepted = []

    def performed(job: Any) -> None:
        accepted.append(job)
        if len(accepted) % RARE == 0:
            perform(job)

    monkeypatch.setattr(launch, "perform", performed)
    wrong = []
    for command in commands(seed, count):
        told = " ".join(command[len(SMALL) :])
        try:
            answer = type_here("train", *command)
        except Exception as error:
            wrong.append(f"{told}: {type(error).__name__}: {error}")
            continue
        if answer.status and len(answer.err.splitlines()) != 1:
            wrong.append(f"{told}: {answer.err[-300:]}")
    assert not wrong, "\n".join(wrong)
    assert count / 20 <= len(accepted) < count * 19 / 20
