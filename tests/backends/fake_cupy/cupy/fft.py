"""The functions of ``numpy.fft``."""

import numpy as _np  # noqa: ICN001

from cupy._core import on_arrays as _on_arrays

for _name in _np.fft.__all__:
    if not isinstance(getattr(_np.fft, _name), type):
        globals()[_name] = _on_arrays(getattr(_np.fft, _name))
