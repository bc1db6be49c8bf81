import inspect
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from lossatlas.claims import InRange
from lossatlas.experiments.catalogue import experiments
from lossatlas.experiments.definition import (
    Definition,
    check_definition,
    check_landscapes,
    definition,
)
from lossatlas.runs.composition.compose import compose_config, start_hydra


def defined(*claims: InRange, **settings: Any) -> Definition:
    return Definition(Path("mine"), settings, claims, {}, {})


def test_a_claim_on_what_is_not_surveyed_is_refused() -> None:
    claim = InRange(
        "Widths", "Minima are wide", lambda line, summary: line["width"] / summary["error"], least=1
    )
    check_landscapes(defined(claim), {"line"})
    with pytest.raises(ValueError, match=r"^landscape: the claim Widths rests on line$"):
        check_landscapes(defined(claim), {"surface"})


def test_a_remark_on_no_claim_is_refused() -> None:
    claim = InRange("Errors", "Networks err", lambda summary: summary["error"], least=0)
    check_definition(defined(claim, remarks={"Errors": {"fails": "They do not."}}), set())
    with pytest.raises(ValueError, match=r"experiment\.remarks: there is no claim 'Error'"):
        check_definition(defined(claim, remarks={"Error": {"fails": "They do not."}}), set())


@pytest.mark.parametrize("scale", ["digits", "paper"])
@pytest.mark.parametrize("name", experiments())
def test_every_experiment_is_defined_and_its_remarks_are_on_its_claims(name: str, scale: str) -> None:
    start_hydra()
    config = compose_config([f"experiment={name}/{scale}"])
    experiment = OmegaConf.to_container(config.experiment)
    assert isinstance(experiment, dict)
    values = OmegaConf.to_container(config.experiment["values"], resolve=True)  # sweeps fill the other keys
    experiment["values"] = values
    made = definition(name, {str(key): value for key, value in experiment.items()})
    assert made.claims
    assert made.figures
    for draw in made.figures.values():  # ValueError for an argument that its function does not have
        inspect.signature(draw).bind(datasets={}, caption="")
    read = set().union(*(claim.landscapes for claim in made.claims))
    check_definition(made, read)
