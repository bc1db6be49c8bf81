from pathlib import Path

import pytest
import torch

from lossatlas.landscape.curvature.warm_start import WarmStart, WarmStarts


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "convexity.journal"


def start(place: int) -> WarmStart:
    return WarmStart(
        place, [0.1 * place, float("nan"), float("inf")], torch.randn(2, 5, dtype=torch.float64) / 3
    )


def test_a_link_comes_back_to_the_last_bit(journal: Path) -> None:
    kept = start(3)
    WarmStarts(journal, {"survey": "convexity"}).keep(7, kept)
    found = WarmStarts(journal, {"survey": "convexity"}).last(7)
    assert found is not None
    assert found.place == 3
    assert [value.hex() for value in found.values] == [value.hex() for value in kept.values]
    assert torch.equal(found.vectors, kept.vectors)


def test_a_point_without_vectors_is_a_link_too(journal: Path) -> None:
    WarmStarts(journal, {}).keep(0, WarmStart(2, [1.0], torch.zeros(0, 9)))
    found = WarmStarts(journal, {}).last(0)
    assert found is not None
    assert found.vectors.shape == (0, 9)


def test_a_file_of_another_survey_does_not_count(journal: Path) -> None:
    WarmStarts(journal, {"seed": 1}).keep(0, start(0))
    assert WarmStarts(journal, {"seed": 2}).last(0) is None


@pytest.mark.parametrize("kept", [0, 7, 60, 150])
def test_a_file_that_was_cut_short_does_not_count(journal: Path, kept: int) -> None:
    WarmStarts(journal, {}).keep(0, start(0))
    [path] = journal.parent.glob("*.chain0")
    assert path.stat().st_size > kept
    path.write_bytes(path.read_bytes()[:kept])
    assert WarmStarts(journal, {}).last(0) is None


def test_a_file_in_which_a_bit_has_changed_does_not_count(journal: Path) -> None:
    kept = start(3)
    WarmStarts(journal, {}).keep(0, kept)
    [path] = journal.parent.glob("*.chain0")
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        found = WarmStarts(journal, {}).last(0)
        if found is not None:  # a bit of the space that the header is filled up with
            assert [value.hex() for value in found.values] == [value.hex() for value in kept.values]
            assert torch.equal(found.vectors, kept.vectors)
    path.write_bytes(whole)
    assert WarmStarts(journal, {}).last(0) is not None


def test_a_foreign_file_does_not_count(journal: Path) -> None:
    from safetensors.torch import save_file

    save_file({"vectors": torch.zeros(1)}, journal.with_name(f"{journal.name}.chain0"))
    assert WarmStarts(journal, {}).last(0) is None


def test_files_are_cleared(journal: Path) -> None:
    starts = WarmStarts(journal, {})
    for chain in range(3):
        starts.keep(chain, start(0))
    assert len(list(journal.parent.iterdir())) == 3
    starts.clear(range(5))
    assert not list(journal.parent.iterdir())
