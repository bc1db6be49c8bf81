"""Measuring at a point: data and network laid out, and what is read off a forward pass."""
