"""Detectors: each looks at samples, quotients and limits for one thing that is not smooth.

A detector is a function from `Evidence` to a `Finding`, in a file of its own. To add one, write the
file, add a `Kind`, and add the function to `DETECTORS`.
"""

from __future__ import annotations

from collections.abc import Callable

from checkgrad.numerics.detectors.coarse import detect_coarse
from checkgrad.numerics.detectors.diverging import detect_diverging
from checkgrad.numerics.detectors.edge import detect_edge
from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.detectors.finer import detect_finer
from checkgrad.numerics.detectors.hidden import detect_below_noise, detect_hidden
from checkgrad.numerics.detectors.jump import detect_jump
from checkgrad.numerics.detectors.kink import detect_kink
from checkgrad.numerics.detectors.one_sided import detect_one_sided
from checkgrad.numerics.detectors.rounded_factor import detect_rounded_factor
from checkgrad.numerics.detectors.staircase import detect_staircase
from checkgrad.numerics.findings import Finding

DETECTORS: tuple[Callable[[Evidence], Finding], ...] = (
    detect_kink,
    detect_jump,
    detect_edge,
    detect_staircase,
    detect_coarse,
    detect_finer,
    detect_rounded_factor,
    detect_hidden,
    detect_diverging,
    detect_one_sided,
    detect_below_noise,
)
