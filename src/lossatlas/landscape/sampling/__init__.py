"""Which points of a grid are measured, and how the others are interpolated."""
