#!/usr/bin/env bash
# The expected calibration error of torchmetrics 1.9.0 has a bin more than n_bins: a confidence of exactly 1, which a
# softmax in float32 gives to anything some 17 above the rest, does not lie in the last bin, from 0.9 to 1 if there are
# ten, but in one of its own. Guo et al. 2017 (arXiv:1706.04599, section 2) have bins ((m-1)/M, m/M], the last with 1
# in it. Where a confident mistake belongs to a bin of many right answers it counts by itself instead: of nineteen
# right ones at 0.95 and a wrong one at 1, 19 of 20 are right at a mean confidence of 0.9525, which is off by 0.0025;
# torchmetrics says 0.0975. With the wrong one at 0.9999 it says what the equation does.
#
# Seen: with a confidence of 1: 0.0975, by the equation 0.0025; with 0.9999: 0.0025, by the equation 0.0025
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.15.0 torchmetrics==1.9.0 numpy
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

BINS = 10


def by_the_equation(confidence, right):
    bins = np.ceil(confidence * BINS)
    parts = [bins == number for number in np.unique(bins)]
    return sum(abs(right[part].mean() - confidence[part].mean()) * part.mean() for part in parts)


said = []
for mistake in (1.0, 0.9999):
    confidence = np.array([0.95] * 19 + [mistake])
    right = np.array([1.0] * 19 + [0.0])
    probabilities = torch.tensor(np.stack([confidence, 1 - confidence], 1), dtype=torch.float64)
    targets = torch.tensor(1 - right).long()
    found = float(multiclass_calibration_error(probabilities, targets, num_classes=2, n_bins=BINS, norm="l1"))
    said.append((round(found, 4), round(float(by_the_equation(confidence, right)), 4)))
(one, one_expected), (below, below_expected) = said
assert (one_expected, below_expected, below) == (0.0025, 0.0025, 0.0025), said
assert one == 0.0975, said
print(f"with a confidence of 1: {one}, by the equation {one_expected}; with 0.9999: {below}, by the equation {below_expected}")
PYTHON
