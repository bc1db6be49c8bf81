from pathlib import Path

import pytest
import torch

from lossatlas.landscape.curvature.warm_start import Handover, Link


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "convexity.journal"


def link(place: int) -> Link:
    return Link(place, [0.1 * place, float("nan"), float("inf")], torch.randn(2, 5, dtype=torch.float64) / 3)


def test_a_link_comes_back_to_the_last_bit(journal: Path) -> None:
    kept = link(3)
    Handover(journal, {"survey": "convexity"}).keep(7, kept)
    found = Handover(journal, {"survey": "convexity"}).last(7)
    assert found is not None
    assert found.place == 3
    assert [value.hex() for value in found.values] == [value.hex() for value in kept.values]
    assert torch.equal(found.vectors, kept.vectors)


def test_a_point_without_vectors_is_a_link_too(journal: Path) -> None:
    Handover(journal, {}).keep(0, Link(2, [1.0], torch.zeros(0, 9)))
    found = Handover(journal, {}).last(0)
    assert found is not None
    assert found.vectors.shape == (0, 9)


def test_a_file_of_another_survey_does_not_count(journal: Path) -> None:
    Handover(journal, {"seed": 1}).keep(0, link(0))
    assert Handover(journal, {"seed": 2}).last(0) is None


@pytest.mark.parametrize("kept", [0, 7, 60, 150])
def test_a_file_that_was_cut_short_does_not_count(journal: Path, kept: int) -> None:
    Handover(journal, {}).keep(0, link(0))
    [path] = journal.parent.glob("*.chain0")
    assert path.stat().st_size > kept
    path.write_bytes(path.read_bytes()[:kept])
    assert Handover(journal, {}).last(0) is None


def test_a_foreign_file_does_not_count(journal: Path) -> None:
    from safetensors.torch import save_file

    save_file({"vectors": torch.zeros(1)}, journal.with_name(f"{journal.name}.chain0"))
    assert Handover(journal, {}).last(0) is None


def test_files_are_cleared(journal: Path) -> None:
    handover = Handover(journal, {})
    for chain in range(3):
        handover.keep(chain, link(0))
    assert len(list(journal.parent.iterdir())) == 3
    handover.clear(range(5))
    assert not list(journal.parent.iterdir())
