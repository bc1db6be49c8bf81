"""Flatness of one network's minimum: sharpness, level sets, rescaled networks, weights, the Jacobian."""
