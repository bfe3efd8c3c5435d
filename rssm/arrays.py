"""Names for the numpy arrays that are handed around."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

#: raw features, rewards
FloatArray: TypeAlias = npt.NDArray[np.float32]
#: actions, rows of a data set
IntArray: TypeAlias = npt.NDArray[np.int64]
#: squared errors and their means
ErrorArray: TypeAlias = npt.NDArray[np.float64]
