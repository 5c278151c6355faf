"""Columns of the index as arrays; apart, since most commands read no index and start without NumPy."""

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]
Positions = NDArray[np.int64]
Collections = NDArray[np.int32]
