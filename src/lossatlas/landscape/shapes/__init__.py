"""Shapes in weight space: lines, planes, curves, and the principal plane of a trajectory."""
