"""Elastic bands between minima: tangents, forces, spacing and insertion of their pivots, and trees of them."""
