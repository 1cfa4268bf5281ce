"""Samples, evidence and estimates made from formulas, for the tests of `numerics`.

Each fixture is a function that makes one of them. No user function is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.decide import decide, scale_of
from checkgrad.numerics.decisions import Criteria, Decisions
from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.detectors.kink import find_kinks
from checkgrad.numerics.detectors.staircase import without_plateaus
from checkgrad.numerics.estimate import Estimate
from checkgrad.numerics.findings import Finding, Kind, compose
from checkgrad.numerics.fit import limit_at_zero
from checkgrad.numerics.quotients import central_quotients, one_sided_quotients, with_shown_noise
from checkgrad.numerics.samples import Floats, Samples
from checkgrad.precision import DOUBLE

Curve = Callable[[Floats], Any]  # func, of the signed step


@pytest.fixture(scope="session")
def powers_of_two() -> Callable[..., Floats]:
    def make(coarsest: int = 0, finest: int = -46) -> Floats:
        return np.ldexp(1.0, np.arange(coarsest, finest - 1, -1))

    return make


@pytest.fixture(scope="session")
def samples_of(powers_of_two: Callable[..., Floats]) -> Callable[..., Samples]:
    """Samples of a curve, of which every direction has white noise of its own."""

    def make(
        curve: Curve,
        steps: Any = None,
        *,
        noise: float = 0.0,
        sigma: float | None = None,
        epsilon: float = DOUBLE,
        scale: float = 1.0,
        smoothness_length: float = 1.0,
        scale_is_guess: bool = False,
        sides: str = "both",
        backward: Any = None,
        directions: int = 1,
        seed: int = 0,
    ) -> Samples:
        rng = np.random.default_rng(seed)

        def column(lengths: Any) -> Floats:
            return np.repeat(np.asarray(lengths, float)[:, None], directions, axis=1)

        def at(signed: Floats) -> Floats:
            with np.errstate(all="ignore"):
                return np.asarray(curve(signed) + noise * rng.normal(size=signed.shape))

        forward = column(powers_of_two() if steps is None else steps)
        back = forward if backward is None else column(backward)
        missing = np.full_like(forward, np.nan)
        return Samples(
            value=float(at(np.zeros(1))[0]),
            forward=forward if sides != "left" else missing,
            forward_values=at(forward) if sides != "left" else missing,
            backward=back if sides != "right" else missing,
            backward_values=at(-back) if sides != "right" else missing,
            sigma=noise if sigma is None else sigma,
            epsilon=epsilon,
            scale=np.full(directions, scale),
            smoothness_length=np.full(directions, smoothness_length),
            scale_is_guess=np.full(directions, scale_is_guess),
        )

    return make


@pytest.fixture(scope="session")
def evidence_of() -> Callable[..., Evidence]:
    """The evidence that `estimate` shows to the detectors, with some of it replaced."""

    def make(samples: Samples, /, **replaced: Any) -> Evidence:
        with np.errstate(all="ignore"):
            samples, is_quantised = without_plateaus(samples)
            central = central_quotients(samples)
            noisy = with_shown_noise(central)
            smooth = limit_at_zero(noisy, order=2)
            right, left = (limit_at_zero(side, 1) for side in one_sided_quotients(samples))
            made = {
                "samples": samples,
                "is_quantised": is_quantised,
                "central": central,
                "central_noisy": noisy,
                "smooth": smooth,
                "right": right,
                "left": left,
                "best": smooth,
                "has_kink": find_kinks(samples, central, smooth, right, left),
            }
        return Evidence(**{**made, **replaced})

    return make


@pytest.fixture(scope="session")
def estimate_with() -> Callable[..., Estimate]:
    """Estimates that are smooth and certain where nothing else is said."""

    def make(value: Any, uncertainty: Any = 0.0, **others: Any) -> Estimate:
        value = np.atleast_1d(np.asarray(value, float))

        def full(given: Any, dtype: Any = float) -> Any:
            return np.broadcast_to(np.asarray(given, dtype), value.shape).copy()

        def found(kind: Kind, name: str, **effects: Any) -> Finding:
            seen = full(others.pop(name, False), bool)
            blocks = {effect: seen for effect, blocked in effects.items() if blocked}
            return Finding.of(kind, seen, **blocks)

        def between(kind: Kind, name: str, low: str, high: str) -> Finding:
            ends = [full(end) for end in others.pop(name, (np.nan, np.nan))]
            return Finding.of(kind, np.isfinite(ends[0]), **{low: ends[0], high: ends[1]})

        both = {"blocks_correct": True, "blocks_wrong": True}
        findings = compose(
            [
                between(Kind.KINK, "kink", "subgradient_low", "subgradient_high"),
                between(Kind.ONE_SIDED, "one_sided", "one_sided_low", "one_sided_high"),
                between(Kind.FINER, "finer", "finer_low", "finer_high"),
                found(Kind.JUMP, "jump", **both),
                found(Kind.EDGE, "edge", **both),
                found(Kind.TIE, "tie", blocks_wrong=True),
                found(Kind.DIVERGING, "diverging"),
                found(Kind.BELOW_NOISE, "below_noise"),
                Finding.of(
                    Kind.HIDDEN,
                    np.zeros(value.shape, bool),
                    undetectable_slope=full(others.pop("undetectable_slope", 0.0)),
                    coarse_estimate=full(others.pop("coarse", np.nan)),
                    blocks_correct=full(others.pop("blocks_correct", False), bool),
                    blocks_wrong=full(others.pop("blocks_wrong", False), bool),
                ),
            ]
        )
        made = Estimate(
            value=value,
            uncertainty=full(uncertainty),
            rounding=full(others.pop("rounding", uncertainty)),
            step=full(others.pop("step", 1e-4)),
            nearby_slope=full(others.pop("nearby_slope", 0.0)),
            findings=findings,
        )
        assert not others, f"unknown: {others}"
        return made

    return make


@pytest.fixture(scope="session")
def decided() -> Callable[..., Decisions]:
    """Decisions with an rtol of 2**-10, so that thresholds are exact numbers."""

    def make(
        claim: Any,
        estimate: Estimate,
        claim_noise: Any = 0.0,
        *,
        rtol: float = 2.0**-10,
        scale: float | None = None,
        **criteria: Any,
    ) -> Decisions:
        claim = np.atleast_1d(np.asarray(claim, float))
        noise = np.broadcast_to(np.asarray(claim_noise, float), claim.shape)
        scale = scale_of(claim, estimate) if scale is None else scale
        return decide(claim, estimate, noise, Criteria(rtol=rtol, scale=scale, **criteria))

    return make
