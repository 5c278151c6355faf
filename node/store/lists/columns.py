"""Columns of the index as arrays; apart, since most commands read no index and start without NumPy."""

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]
Positions = NDArray[np.int64]
Collections = NDArray[np.int32]
Listed = NDArray[np.void]
"""Rows of `LISTED`: a third of what they take as objects, and a pull may meet a whole list."""
LISTED = np.dtype([("log_id", "i8"), ("position", "i8"), ("key", "i8")])
