"""How long things take, measured by turns."""
