"""Visiting points: each once, whatever interrupts it, by as many processes as there are."""
