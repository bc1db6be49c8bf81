"""`curve_ensemble` at scale paper against what Garipov et al. 2018 print (figure 2 and supplement)."""

import pytest
from omegaconf import OmegaConf
from paper import chosen, composed

from lossatlas.cli.reproduction import definition
from lossatlas.runs.store.fingerprint import fingerprint

SWEEPS = ["digits", "digits_chain", "paper", "paper_chain"]


@pytest.mark.parametrize("sweep", SWEEPS)
def test_the_curves_are_those_of_mode_connectivity(sweep: str) -> None:
    """So what that experiment trains is taken from the store, and its tests hold the settings against the paper."""
    ours, theirs = (composed(f"{name}/{sweep}", "seed=3") for name in ("curve_ensemble", "mode_connectivity"))
    assert fingerprint(ours) == fingerprint(theirs)
    assert ours["experiment"]["method"] == theirs["experiment"]["method"]


@pytest.mark.parametrize("sweep", SWEEPS)
def test_ensembles_are_of_61_points_of_50_and_of_three_independent_networks(sweep: str) -> None:
    landscapes = composed(f"curve_ensemble/{sweep}", "seed=3")["landscape"]
    for name, points in (("path", 61), ("fifty", 50)):
        expected = {"points": points, "ensemble": True, "splits": ["test"], "through": {"curve": []}}
        assert chosen(landscapes[name], expected) == expected
        assert landscapes[name]["engine"]["evaluation"] == "recompute"
    segment = f"experiment=mode_connectivity/{sweep.partition('_')[0]}_segment"
    expected_members = [{"run": [segment, f"seed={seed}"]} for seed in (3, 13, 23)]
    assert landscapes["independent"]["members"] == expected_members
    assert landscapes["independent"]["combine"] == "probabilities"


def test_the_claims_carry_the_printed_errors_of_two_ends_and_of_50_points() -> None:
    config = composed("curve_ensemble/paper")
    experiment = definition("curve_ensemble", OmegaConf.create(config["experiment"]))
    claims = {claim["id"]: claim for claim in experiment["claims"]}
    for name in ("Bezier", "chain"):
        paper = claims[f"G-A6 {name}"]["paper"]
        assert (paper["first"], paper["second"]) == (22.0, 21.03)
        plateau = claims[f"G-F2 {name}, plateau"]["measure"]
        assert (plateau["first"], plateau["second"]) == ({"t": 0.4}, {"t": 1.0})
        fall = claims[f"G-F2 {name}, fall"]
        assert (fall["among"], fall["decreasing"]) == ([0.0, 0.1, 0.2, 0.3, 0.4], True)
