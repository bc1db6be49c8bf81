"""Slices of the loss: along lines, over planes, and in the plane of a training path."""
