"""Signals in a network: activations by depth, the gradient and its noise, features."""
