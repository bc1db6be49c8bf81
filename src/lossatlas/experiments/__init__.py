"""Experiments: their sweeps, datasets, results, catalogue and cost."""
