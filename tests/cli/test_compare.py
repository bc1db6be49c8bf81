"""`lossatlas compare`: runs, filters, experiments and stores beside each other."""

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typed import DATA, QUICK, type_here

from lossatlas.runs.store.store import Store

SWEEP = ("-m", *DATA, "model=mlp", "model.hidden=[8]", *QUICK, "hydra/launcher=basic")
SURVEYS = (
    "landscape=[line,surface]",
    "landscape.line.points=3",
    "landscape.line.directions=2",
    "landscape.surface.points=3",
)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Store of two optimizers with six seeds each, the first two seeds with landscapes."""
    folder = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        type_here("train", *SWEEP, "experiment.name=tuned", "optimizer=sgd,adam", "seed=0,1", *SURVEYS)
        type_here("train", *SWEEP, "experiment.name=tuned", "optimizer=sgd,adam", "seed=2,3,4,5")
    return folder


@pytest.fixture
def store(swept: Path, folder: Path) -> Store:
    """The test's own copy of that store."""
    shutil.copytree(swept, folder, dirs_exist_ok=True)
    return Store("runs")


def metric(store: Store, optimizer: str, name: str) -> list[float]:
    """By seed."""
    found = {
        run.manifest().seed: run.manifest().metrics[name]
        for run in store.runs()
        if f"optimizer={optimizer}" in run.manifest().overrides
    }
    return [found[seed] for seed in sorted(found)]


def test_sides_that_filters_name_are_compared_over_their_seeds(store: Store) -> None:
    answer = type_here("compare", "optimizer=sgd", "optimizer=adam", "--csv")
    assert (answer.status, answer.err) == (0, "")
    rows = {(row["quantity"], row["side"]): row for row in csv.DictReader(io.StringIO(answer.out))}
    sgd, adam = metric(store, "sgd", "test_loss"), metric(store, "adam", "test_loss")
    second = rows["test_loss", "optimizer=adam"]
    assert float(second["difference"]) == pytest.approx(np.mean(np.array(adam) - np.array(sgd)))
    assert (second["runs"], second["seeds"]) == ("6", "6")
    assert second["low"]
    of_surface = rows["surface: mean loss, train", "optimizer=adam"]
    assert (of_surface["runs"], of_surface["seeds"], of_surface["low"]) == ("2", "2", "")
    assert rows["test_loss", "optimizer=sgd"]["difference"] == ""


def test_the_terminal_shows_sides_settings_and_numbers(store: Store) -> None:
    answer = type_here("compare", "sgd: optimizer=sgd", "adam: optimizer=adam")
    assert answer.status == 0
    words = " ".join(answer.out.split())
    assert "what differs in configuration" in words
    assert re.search(r"optimizer +torch\.optim\.SGD +torch\.optim\.Adam", answer.out)
    assert re.search(r"test_error +\S+ ± \S+", answer.out)
    assert "Differences are adam - sgd." in words


def test_two_runs_are_called_by_what_tells_them_apart(store: Store) -> None:
    first, second = (run.fingerprint for run in store.runs()[:2])
    found = json.loads(type_here("compare", first[:10], f"runs/{second}", "--json").out)
    assert [side["runs"] for side in found["sides"]] == [[first], [second]]
    assert [side["label"].split()[0] for side in found["sides"]] == [first[:8], second[:8]]
    assert all("=" in side["label"] for side in found["sides"])
    assert all(one["low"] is None for one in found["differences"])


def test_experiments_and_stores_are_sides_and_where_holds_for_all(store: Store, folder: Path) -> None:
    shutil.copytree("runs", "elsewhere")
    type_here("train", *SWEEP, "experiment.name=other", "optimizer=sgd", "seed=0,1", "epochs=1")
    asked = ("compare", "tuned", "other", "elsewhere", "--where", "optimizer=sgd", "--json")
    found = json.loads(type_here(*asked).out)
    assert [(side["label"], len(side["runs"])) for side in found["sides"]] == [
        ("tuned", 6),
        ("other", 2),
        ("elsewhere", 6),
    ]
    told = {setting["key"]: setting["tells_apart"] for setting in found["settings"]}
    assert told == {"epochs": True, "scheduler.epochs": True, "seed": True}
    same = [one for one in found["differences"] if one["side"] == "elsewhere"]
    assert {one["difference"] for one in same} == {0.0}  # of runs that are the same


def test_a_page_holds_its_pictures_and_surfaces_that_turn_and_shows_names_as_text(store: Store) -> None:
    answer = type_here("compare", "<sgd> & co: optimizer=sgd", "adam: optimizer=adam", "--html", "page.html")
    assert answer.status == 0
    assert answer.out.endswith("page: page.html\n")
    page = Path("page.html").read_text(encoding="utf-8")
    assert "<h1>&lt;sgd&gt; &amp; co against adam</h1>" in page
    assert page.count('<img src="data:image/png;base64,') == 3  # training, line, surface
    assert page.count('<div id="turn-surface"') == 1
    markup = re.sub(
        r"<script.*?</script>", "", page, flags=re.DOTALL
    )  # plotly's own code speaks of links too
    assert not re.search(r'(src|href)="(?!data:|#)', markup)  # nothing is loaded from anywhere
    assert not re.search(r"<script[^>]*\ssrc=", page)


def test_a_damaged_landscape_is_named_and_left_out(store: Store) -> None:
    path = next(Path("runs").glob("*/landscapes/line-*.nc"))
    path.write_bytes(path.read_bytes()[:-50])
    answer = type_here("compare", "optimizer=sgd", "optimizer=adam", "--csv")
    assert (answer.status, len(answer.err.splitlines())) == (0, 1)
    assert answer.err.startswith(str(path))


@pytest.mark.parametrize(
    ("sides", "complaint"),
    [
        (("optimizer=sgd", "optimizer=adm"), "optimizer=adm: no such choice; did you mean adam?"),
        (("seed=0", "seed=9"), "seed=9: no run that is there passes"),
        (("tuned", "tunde"), "tunde: no run, store or experiment of a run; did you mean tuned?"),
        (("seed=0", "ffffffff"), "ffffffff: no such run in runs/; "),
        (("a: seed=0", "a: seed=1"), "a: two sides are called so; "),
        (("seed=0", "seed=0"), "seed=0: two sides are called so; "),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_line(
    store: Store, sides: tuple[str, ...], complaint: str
) -> None:
    answer = type_here("compare", *sides)
    assert (answer.status, answer.out) == (1, "")
    assert answer.complaint.startswith(complaint)


def test_one_side_alone_and_a_confidence_out_of_range_are_refused(store: Store) -> None:
    alone = type_here("compare", "seed=0")
    assert alone.status == 2
    assert "two SIDEs or more" in alone.err
    refused = type_here("compare", "seed=0", "seed=1", "--confidence=95")
    assert refused.complaint == "confidence must lie in (0, 1), got 95"


def test_runs_that_are_not_finished_are_left_out_and_counted(store: Store) -> None:
    run = store.runs()[0]
    manifest = run.manifest()
    manifest.status = "failed"
    run.write_manifest(manifest)
    found = json.loads(type_here("compare", "optimizer=sgd", "optimizer=adam", "--json").out)
    assert sorted((len(side["runs"]), side["unfinished"]) for side in found["sides"]) == [(5, 1), (6, 0)]
    answer = type_here("compare", "optimizer=sgd", f"failed: {run.fingerprint}")
    assert answer.complaint == "failed: 1 run, none of which is finished"
