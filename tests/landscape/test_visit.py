from pathlib import Path

import numpy as np

from lossatlas.landscape.visit import visit


def test_only_what_the_journal_lacks_is_measured(tmp_path: Path) -> None:
    seen: list[int] = []

    def measure(index: int) -> list[float]:
        seen.append(index)
        return [index / 7, -index]

    first = visit(4, measure, journal=tmp_path / "j", header={"survey": "s"})
    lines = (tmp_path / "j").read_bytes().splitlines(keepends=True)
    (tmp_path / "j").write_bytes(b"".join([lines[0], lines[3], lines[1]]))  # points 2 and 0, in this order
    seen.clear()
    second = visit(4, measure, journal=tmp_path / "j", header={"survey": "s"})
    assert seen == [1, 3]
    assert np.array_equal(first, second)
    assert first.tolist() == [[index / 7, -index] for index in range(4)]
