"""Loss surfaces in three dimensions, to be turned in the hand."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots
