"""Elastic bands between networks: pivots, forces, relaxation, their schedule and profile."""
