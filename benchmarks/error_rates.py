"""How often a claim of each kind is decided where nothing is so: simulations of 5, 10 and 20 seeds.

python benchmarks/error_rates.py       # writes error_rates.json

Each kind of claim is judged on data of which it is just not so: where "holds" is wrong as well as "fails", and either
may come out in 2.5 % of all cases at 95 %. They are judged by the functions that the claims call, those on means many
data sets at a time; the tests see to it that the claims say the same.
"""

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import xarray as xr
from machine import describe

from lossatlas.claims import (
    Claim,
    Equivalence,
    InRange,
    PairedDifference,
    PairedRatio,
    RankCorrelation,
    RankingAgreement,
    StrongerCorrelation,
    Trend,
)
from lossatlas.claims.means import mean_above, tails
from lossatlas.claims.rank_statistics import correlation_difference, level_correlations, rank_correlation
from lossatlas.claims.statistics import Estimate
from lossatlas.measures import deviation

Array = np.ndarray
Rng = np.random.Generator
Noise = Callable[[Rng, tuple[int, ...]], Array]

SEEDS = (5, 10, 20)
CONFIDENCE, SIDE = 0.95, 0.025
ALLOWED = 1.5 * SIDE
PLACES, SETTINGS = 8, 6
LN2 = float(np.log(2))

DISTRIBUTIONS: dict[str, Noise] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed": lambda rng, shape: rng.lognormal(size=shape) - np.exp(0.5),
    "skewed to the left": lambda rng, shape: np.exp(0.5) - rng.lognormal(size=shape),
    "heavy-tailed": lambda rng, shape: rng.standard_t(2, size=shape),
    "tied": lambda rng, shape: np.round(rng.normal(size=shape)),
    "tied and skewed": lambda rng, shape: rng.poisson(1.0, size=shape) - 1.0,
}
"""Noise of mean 0, in which seeds, and the effects of settings, differ."""


@dataclass(frozen=True)
class Scenario:
    """A kind of claim, and data of which it is not so.

    ``data``: from noise and a number of seeds, what one claim is judged on. Of that, for a claim on a mean, ``sample``:
    (seeds, places), and the thresholds ``between`` which it claims the mean to be; for any other, its ``estimate``.
    """

    data: Callable[[Callable[..., Array], int], Array]
    claim: Callable[[Array], Claim]
    sample: Callable[[Array], Array] = lambda data: data
    between: tuple[float, float] = (0.0, np.inf)
    estimate: Callable[[Array], Estimate] | None = None
    runs: int = 3_000


def of(values: Array, *dims: str) -> Callable[[], xr.DataArray]:
    coords = {dim: range(size) for dim, size in zip(dims, values.shape, strict=True)}
    return lambda: xr.DataArray(values, coords, dims)


ARMS = {"greater": {"arm": 1}, "lesser": {"arm": 0}}
PAIR = {"first": {"arm": 1}, "second": {"arm": 0}}


def two_arms(differences: Array) -> Array:
    return np.stack([np.full_like(differences, 10.0), 10 + differences])


def distances(values: Array) -> Array:
    return deviation(xr.DataArray(values, dims="seed"), over="seed").values


def agreement(data: Array) -> Claim:
    one, two = (of(values, "arm", "seed", "setting") for values in data)
    return RankingAgreement("R", "r", one, other=two, pool=["setting"], **PAIR)


def correlation(data: Array) -> Claim:
    factors = [f"factor {k}" for k in range(data.ndim - 2)]
    one, two = (of(values, "seed", *factors) for values in data)
    return RankCorrelation("C", "c", one, other=two)


def stronger(data: Array) -> Claim:
    one, two, other = (of(values, "seed", "setting") for values in data)
    return StrongerCorrelation("S", "s", one, other=other, than=two)


def share_that_agrees(data: Array) -> Estimate:
    one, two = np.sign(data[:, 1] - data[:, 0])  # (seeds, settings)
    decided = (one != 0) & (two != 0)
    usable = decided.any(axis=0)
    shares = ((one == two) & decided).sum(axis=0)[usable] / decided.sum(axis=0)[usable]
    return mean_above(shares, 0.5, CONFIDENCE)


def effects(noise: Callable[..., Array], n: int, quantities: int) -> Array:
    """Quantities of settings, by effects that their seeds share and half as much noise."""
    return noise(quantities, 1, SETTINGS) + 0.5 * noise(quantities, n, SETTINGS)


def factors(noise: Callable[..., Array], n: int) -> Array:
    """Two quantities over two factors, whose values have effects of their own."""
    return noise(2, 1, 3, 1) + noise(2, 1, 1, 5) + 0.5 * noise(2, n, 3, 5)


def alike(noise: Callable[..., Array], n: int) -> Array:
    """Two quantities that follow a third equally closely."""
    third = effects(noise, n, 1)
    return np.concatenate([third + 0.7 * effects(noise, n, 2), third])


SCENARIOS: dict[str, Scenario] = {
    "`PairedDifference` of arms that do not differ": Scenario(
        lambda noise, n: noise(n),
        lambda d: PairedDifference("D", "d", of(two_arms(d), "arm", "seed"), **ARMS),
    ),
    "`PairedDifference` of distances from the median (`deviation`), of arms that scatter alike": Scenario(
        lambda noise, n: distances(noise(n)) - distances(noise(n)),
        lambda d: PairedDifference("V", "v", of(two_arms(d), "arm", "seed"), **ARMS),
    ),
    "`PairedDifference` at the worst of 8 places, none of which differ": Scenario(
        lambda noise, n: noise(n, PLACES),
        lambda d: PairedDifference(
            "W", "w", of(two_arms(d), "arm", "seed", "place"), worst_over=["place"], **ARMS
        ),
        runs=500,
    ),
    "the same, where 7 of 8 differ": Scenario(
        lambda noise, n: noise(n, PLACES) + 3.0 * (np.arange(PLACES) > 0),
        lambda d: PairedDifference(
            "W", "w", of(two_arms(d), "arm", "seed", "place"), worst_over=["place"], **ARMS
        ),
        runs=500,
    ),
    "`PairedRatio` of arms whose ratio is the factor": Scenario(
        lambda noise, n: noise(n) / 10,
        lambda d: PairedRatio(
            "Q", "q", of(np.stack([np.ones_like(d), 2 * np.exp(d)]), "arm", "seed"), factor=2, **ARMS
        ),
    ),
    "`Equivalence` of arms that differ by the margin": Scenario(
        lambda noise, n: 1 + noise(n) / 10,
        lambda d: Equivalence("E", "e", of(two_arms(d), "arm", "seed"), margin=1.0, **PAIR),
        between=(-1.0, 1.0),
    ),
    "`InRange` of a mean at a bound": Scenario(
        lambda noise, n: 2 + noise(n) / 10,
        lambda d: InRange("I", "i", of(d, "seed"), least=2.0, most=4.0),
        between=(2.0, 4.0),
    ),
    "`Trend` of 4 levels that do not differ": Scenario(
        lambda noise, n: noise(n, 4),
        lambda d: Trend("T", "t", of(d, "seed", "level"), along="level"),
        level_correlations,
    ),
    "`Trend` of 6 levels, each seed on a random walk": Scenario(
        lambda noise, n: noise(n, 6).cumsum(axis=1) - noise(n, 6).cumsum(axis=1),
        lambda d: Trend("T", "t", of(d, "seed", "level"), along="level"),
        level_correlations,
    ),
    "`RankingAgreement` in 6 settings, unrelated": Scenario(
        lambda noise, n: np.stack([effects(noise, n, 2), effects(noise, n, 2)]),
        agreement,
        estimate=share_that_agrees,
        runs=2_000,
    ),
    "`RankCorrelation` over 6 settings, unrelated": Scenario(
        lambda noise, n: effects(noise, n, 2),
        correlation,
        estimate=lambda d: rank_correlation(*d, CONFIDENCE),
        runs=2_000,
    ),
    "`RankCorrelation` over 3 x 5 settings, effects of either factor unrelated": Scenario(
        factors, correlation, estimate=lambda d: rank_correlation(*d, CONFIDENCE), runs=2_000
    ),
    "`StrongerCorrelation` over 6 settings, all unrelated": Scenario(
        lambda noise, n: effects(noise, n, 3),
        stronger,
        estimate=lambda d: correlation_difference(*d, CONFIDENCE),
        runs=2_000,
    ),
    "`StrongerCorrelation` of two that are equally close": Scenario(
        alike, stronger, estimate=lambda d: correlation_difference(*d, CONFIDENCE), runs=2_000
    ),
}


def by_claims(scenario: Scenario, distribution: str, n: int, runs: int) -> Array:
    """Whether a claim holds and whether it fails, (runs, 2)."""
    return decided(scenario.claim(data)({}).outcome for data in datasets(scenario, distribution, n, runs))


def at_once(scenario: Scenario, distribution: str, n: int, runs: int) -> Array:
    """The same, by the functions that the claims call."""
    if scenario.estimate is not None:
        return decided(scenario.estimate(data).outcome for data in datasets(scenario, distribution, n, runs))
    samples = [scenario.sample(data).reshape(n, -1) for data in datasets(scenario, distribution, n, runs)]
    places = samples[0].shape[1]
    columns = np.concatenate(samples, axis=1)  # (seeds, runs x places)
    parts = np.array_split(columns, max(1, columns.shape[1] // 200), axis=1)
    (above_least, below_least), (above_most, below_most) = (
        np.concatenate([tails(part, end) for part in parts], axis=1).reshape(2, runs, places)
        for end in scenario.between
    )
    holds = np.maximum(above_least, below_most).max(axis=1)
    fails = np.minimum(below_least, above_most).min(axis=1) * places
    return np.stack([holds, fails], axis=1) <= SIDE


def decided(outcomes: Iterable[str]) -> Array:
    return np.array([[outcome == "holds", outcome == "fails"] for outcome in outcomes])


def datasets(scenario: Scenario, distribution: str, n: int, runs: int) -> list[Array]:
    rng = np.random.default_rng(n)

    def noise(*shape: int) -> Array:
        return DISTRIBUTIONS[distribution](rng, shape)

    return [scenario.data(noise, n) for _ in range(runs)]


def rates(name: str, distribution: str, n: int, share: float = 1.0) -> tuple[float, float]:
    """How often the claim holds and fails; ``share`` of the runs that the page's table has."""
    scenario = SCENARIOS[name]
    found = at_once(scenario, distribution, n, round(share * scenario.runs))
    holds, fails = found.mean(axis=0)
    return float(holds), float(fails)


def _of_cell(cell: tuple[str, str, int]) -> tuple[float, float]:
    return rates(*cell)


def main() -> None:
    cells = list(product(SCENARIOS, DISTRIBUTIONS, SEEDS))
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = dict(zip(cells, pool.map(_of_cell, cells), strict=True))
    of_names = {
        name: {noise: {str(n): found[name, noise, n] for n in SEEDS} for noise in DISTRIBUTIONS}
        for name in SCENARIOS
    }
    runs = {name: scenario.runs for name, scenario in SCENARIOS.items()}
    report = {**describe(), "runs": runs, "allowed": ALLOWED, "rates": of_names}
    Path(__file__).with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
