"""A site of a published experiment, of one of the reader's own with signs in its names, and of two runs."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra.core.global_hydra import GlobalHydra
from PIL import Image

from lossatlas.cli.main import main
from lossatlas.runs.composition.search_path import config_folder

sys.path.insert(0, str(Path(__file__).parent))

from built import NAME, ODD, Built

_RUN = (
    *("data=synthetic_images", "data.shape=[1,8,8]", "data.classes=4", "data.batch_size=16"),
    *("data.train=64", "data.validation=16", "data.test=32", "model=mlp", "model.hidden=[8]"),
    *("init=default", "epochs=2", "trainer=cpu", "logger=none", "runtime.threads=1"),
    *("landscape=[surface,line]", "landscape.surface.points=5", "landscape.line.points=5"),
)

_CLAIM: dict[str, Any] = {
    "id": ODD,
    "text": f"Text of {ODD}",
    "statistic": "mean of a",
    "units": "%",
    "estimate": 1.5,
    "interval": [1.0, 2.0],
    "confidence": 0.95,
    "against": 0.0,
    "p_value": 0.01,
    "seeds": 10,
    "note": "",
    "arms": [{"label": ODD, "mean": 1.25, "sd": 0.5, "paper": None}],
    "corrected": "holds",
    "remark": ODD,
}


def write_own_experiment(folder: Path) -> None:
    """An experiment ``odd``, judged at two scales, whose every text is `ODD`."""
    own = folder / "experiment" / "odd"
    own.mkdir(parents=True)
    text = json.dumps(
        {"experiment": {"name": "odd", "title": ODD, "question": ODD, "source": f"{ODD} 2020 (a)"}}
    )
    (own / "common.yaml").write_text(text)
    (own / "claims.py").write_text('"""Claims with ```` and <blink>."""\n')
    paper = {"first": 7.5, "second": None, "source": ODD, "approximate": True, "further": []}
    for scale, outcome in (("digits", "holds"), ("paper", "fails")):
        (own / f"{scale}.yaml").write_text(text)
        results = own / "results" / scale
        results.mkdir(parents=True)
        claim = {**_CLAIM, "outcome": outcome, "corrected": outcome, "paper": paper}
        (results / "verdict.json").write_text(json.dumps({"command": ODD, "claims": [claim], "cost": None}))
        Image.new("RGB", (400, 300), "white").save(results / "figure.png")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """What ``lossatlas atlas`` makes of a published experiment, the odd one, and a store of two runs."""
    for module in ("zensical", "griffe"):
        pytest.importorskip(module, reason="lossatlas[atlas] is not installed")
    folder = tmp_path_factory.mktemp("atlas")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for seed in (0, 1):
            assert main(["train", *_RUN, f"seed={seed}", "paths.runs=store"]) == 0
            GlobalHydra.instance().clear()
        write_own_experiment(folder / "own")
        shown = ("odd", NAME, "--config-dir", "own")
        assert main(["atlas", *shown, "paths.runs=store", "--output", "site"]) == 0
        GlobalHydra.instance().clear()
    runs = sorted(path.parent.name for path in folder.glob("store/*/manifest.json"))
    assert (config_folder() / "experiment" / NAME).is_dir()
    yield Built(folder / "site", tuple(runs))
    shutil.rmtree(folder)
