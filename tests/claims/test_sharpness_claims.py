"""The claims of the experiment `sharpness`, as its claims.py yields them."""

from pathlib import Path
from typing import Any

import xarray as xr
from omegaconf import OmegaConf

from lossatlas.claims import Claim, Verdict, judge, to_json
from lossatlas.experiments import Values
from lossatlas.experiments.python_files import function_of

FOLDER = Path(__file__).parents[2] / "experiments" / "sharpness"


def made(small: int, large: int, decay: float) -> list[Claim]:
    """The claims at one scale."""
    experiment = OmegaConf.to_container(OmegaConf.load(FOLDER / "common.yaml").experiment)
    assert isinstance(experiment, dict)
    values: dict[str, Any] = experiment["values"]
    values.update({"small_batch": small, "large_batch": large, "weight_decay": decay, "vgg": "vgg9"})
    values.update({"resnet": "resnet56", "resnet_large_batch": large // 2})
    return list(function_of(FOLDER, "claims")(Values(values)))


def judged(datasets: dict[str, xr.Dataset]) -> dict[str, Verdict]:
    return {verdict.id: verdict for verdict in judge(made(16, 164, 0.0005), datasets)}


def whole(factory: Any, seeds: int = 12, **options: Any) -> dict[str, xr.Dataset]:
    """Datasets of both sweeps."""
    vgg = factory(seeds=seeds, **options)
    return factory.gathered(vgg, factory.resnet_of(vgg))


def test_data_that_are_as_the_papers_say_make_every_claim_hold(sharpness_datasets: Any) -> None:
    verdicts = judged(whole(sharpness_datasets))
    assert {name: v.note for name, v in verdicts.items() if v.outcome != "holds"} == {}
    assert to_json(list(verdicts.values()))


def test_swapping_the_batch_sizes_makes_every_claim_about_them_fail(sharpness_datasets: Any) -> None:
    datasets = sharpness_datasets(seeds=12)
    resnet = sharpness_datasets.resnet_of(datasets)
    for sweep in (datasets, resnet):
        for name in set(sweep) - {"interpolation"}:
            sizes = sweep[name]["batch_size"].values
            sweep[name] = sweep[name].assign_coords(batch_size=sizes[::-1])
    datasets["interpolation"] = datasets["interpolation"].assign_coords(
        alpha=1 - datasets["interpolation"]["alpha"].values
    )
    datasets["interpolation"] = datasets["interpolation"].sortby("alpha")
    swapped = sharpness_datasets.gathered(datasets, resnet)
    outcomes = {name: verdict.outcome for name, verdict in judged(swapped).items()}
    unmoved = {
        "L-T1 error",
        "L-T1 width",
        "Keskar (i)",
    }
    assert {name for name, outcome in outcomes.items() if outcome == "holds"} == unmoved
    assert "cannot tell" not in outcomes.values()


def test_what_was_not_surveyed_leaves_claims_open_and_no_others(sharpness_datasets: Any) -> None:
    verdicts = judged(whole(sharpness_datasets, missing=("adam",)))
    unsure = {name: v.note for name, v in verdicts.items() if v.outcome == "cannot tell"}
    assert set(unsure) == {"L-T1 width", "Keskar (iii)"}
    assert all("0 usable pairs" in unsure[name] for name in ("L-T1 width", "Keskar (iii)"))


def test_five_seeds_tell_nothing(sharpness_datasets: Any) -> None:
    verdicts = judged(whole(sharpness_datasets, seeds=5))
    assert {verdict.outcome for verdict in verdicts.values()} == {"cannot tell"}


def test_the_papers_numbers_stand_beside_the_arms(sharpness_datasets: Any) -> None:
    """The SGD row of the VGG-9 table of Li et al.: 7.37, 11.07, 6.00, 10.19; ResNet-56: 5.89, 10.59."""
    verdicts = judged(whole(sharpness_datasets))
    compared = ("L-F2a (iii)", "L-F2d (iii)", "L-F15 error")
    printed = {(name, arm.label): arm.paper for name in compared for arm in verdicts[name].arms}
    assert printed == {
        ("L-F2a (iii)", "batch size 16"): 7.37,
        ("L-F2a (iii)", "batch size 164"): 11.07,
        ("L-F2d (iii)", "batch size 16"): 6.0,
        ("L-F2d (iii)", "batch size 164"): 10.19,
        ("L-F15 error", "batch size 16"): 5.89,
        ("L-F15 error", "batch size 82"): 10.59,
    }


def test_the_same_config_serves_the_papers_scale() -> None:
    claims = {claim.id: claim for claim in made(128, 8192, 5e-4)}
    error: Any = claims["L-F2d (iii)"]
    assert (error.greater, error.lesser) == ({"batch_size": 8192}, {"batch_size": 128})
    assert error.at == {"model": "vgg9", "optimizer": "sgd", "weight_decay": 5e-4}
    error = claims["L-F15 error"]
    assert (error.greater, error.lesser) == ({"batch_size": 4096}, {"batch_size": 128})
    assert error.at == {"model": "resnet56", "optimizer": "sgd", "weight_decay": 5e-4}
