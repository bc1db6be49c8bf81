"""lossatlas: an atlas of neural-network loss landscapes."""

from importlib.metadata import version

__version__ = version("lossatlas")
