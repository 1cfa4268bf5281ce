"""The lines that a check looks along: coordinate axes, random tangents or a given one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.arithmetic import alike, at_least_single, norm
from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.bounds import bounded
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array
from checkgrad.claims.forms import Claim, Leaves, Rows, Slope
from checkgrad.evaluate.evaluator import Sampler
from checkgrad.evaluate.samples import (
    CoordinateSamples,
    Places,
    Probes,
    RowProbes,
    TangentSamples,
    power_of_two,
)

_REACH_TRIES = 12  # pairs of steps tried to find the scale of a coordinate that is 0
_DISCREPANT = 1024.0  # binary digits: all that float64 has room for
_ROOM = 2.0**-4  # of the largest number of a dtype: a random number times it is none too large
_ABOUT_LINEAR = 2.0  # binary digits that func and its claim may differ by at that scale


@dataclass(frozen=True)
class Lines:
    """Probes, and what a claim says of each.

    Attributes
    ----------
    point : Point
        Where they cross.
    probes : Probes
        To sample ``func`` along.
    claim : array, shape (probes,)
        The claimed derivative along each.
    claimed : callable
        The same for another slope: that of the claim at a neighbour of x0.
    smooth : array, shape (probes,)
        A length that ``func`` may be expected to be smooth over: that of x0, its other
        coordinates included.
    direction : str
        What they are, in words.
    axes : bool
        Whether they are all coordinate axes, in order.
    vague : array of bool, shape (probes,)
        Where nothing but a guess shows the scale: coordinates that are 0.
    whole : float
        What the claim says of a random tangent, typically: that of one tangent may be far smaller
        by chance, when its terms cancel, and no error would be worth as little. 0 for axes.
    """

    point: Point
    probes: Probes
    claim: Floats
    claimed: Callable[[Slope], Floats]
    smooth: Floats
    vague: npt.NDArray[np.bool_]
    direction: str
    axes: bool
    whole: float


def coordinate_lines(
    samples: CoordinateSamples,
    row: int,
    slope: Slope,
    point: Point,
    limits: tuple[Floats, Floats],
    value: float,
) -> Lines:
    """All coordinate axes, for one row.

    The scale of a coordinate is its own size. One that is zero has none: there, the step that
    the claim needs to change ``func`` by all of its value stands in, or else the typical size of
    the others.
    """
    x0, claim = point.on_host(point.leaves), slope.coordinates()
    sizes = np.abs(x0)
    with np.errstate(all="ignore"):
        needed = np.abs(value / claim)
    if value == 0:
        needed = _linear_reach(RowProbes(samples, row, sizes), claim, sizes, value)
    usable = np.isfinite(needed) & (needed > 0)
    typical = _typical(sizes[sizes > 0] if np.any(sizes > 0) else needed[usable])
    scale = np.where(sizes > 0, sizes, np.where(usable, needed, typical))
    with np.errstate(over="ignore"):
        width = limits[1] - limits[0]
    scale = power_of_two(np.where((width > 0) & (width < scale), width, scale))
    return Lines(
        point=point,
        probes=RowProbes(samples, row, scale),
        claim=claim,
        claimed=lambda slope: slope.coordinates(),
        smooth=np.where(sizes > 0, np.fmax(scale, typical), typical),
        vague=sizes == 0,
        direction="all",
        axes=True,
        whole=0.0,
    )


def _linear_reach(probes: Probes, claim: Floats, sizes: Floats, value: float) -> Floats:
    """About how far ``func`` changes as its claim says, in coordinates that are 0; else NaN.

    Where x0 and ``func(x0)`` are both zero, nothing else shows the scale of a coordinate. If
    func changes by another amount than the claim says at some step, being curved, the two agree
    about as much nearer to x0.
    """
    reach = np.where((sizes == 0) & np.isfinite(claim) & (claim != 0), 1.0, np.nan)
    if np.any(sizes > 0):
        reach *= _typical(sizes[sizes > 0])

    def discrepancy(which: Places, steps: Floats) -> Floats:
        """log2 of what ``func`` changes by to what the claim says; huge where it does not."""
        lengths, values = probes.sample(which, steps)
        with np.errstate(all="ignore"):
            ratio = np.log2(np.abs((values - value) / (claim[which] * lengths)))
        digits: Floats = np.minimum(np.nan_to_num(np.abs(ratio), nan=np.inf), _DISCREPANT)
        return digits

    which = np.flatnonzero(np.isfinite(reach))
    off = discrepancy(which, reach[which])
    for _ in range(_REACH_TRIES):
        left = off > _ABOUT_LINEAR
        which, off = which[left], off[left]
        if which.size == 0:
            break
        before = off
        # Half way, in powers of two, whatever the power of h that the two differ by; up or down.
        for factor in (np.exp2(-off / 2), np.exp2(off / 2)):
            steps = reach[which] * factor
            there = discrepancy(which, steps)
            better = there < off
            reach[which] = np.where(better, steps, reach[which])
            off = np.where(better, there, off)
        which, off = which[off < before], off[off < before]
    return reach


def _typical(sizes: Floats) -> float:
    return float(np.exp(np.median(np.log(sizes)))) if sizes.size else 1.0


class Tangents:
    """Tangents that all rows are looked at along.

    Attributes
    ----------
    tangents : list of list of array
        Each has the tree, dtypes and device of x0.
    sizes : list of array
        The size of every coordinate.
    words : str
        What they are.
    by_chance : bool
        Whether they are random.
    """

    def __init__(
        self,
        tangents: list[list[Array]],
        sizes: list[Array],
        words: str,
        by_chance: bool,
    ) -> None:
        self.tangents = tangents
        self.sizes = sizes
        self.words = words
        self.by_chance = by_chance

    def lines(
        self,
        sampler: Sampler,
        rows: Rows,
        claim: Claim,
        slopes: Sequence[Slope],
        limits: tuple[Floats, Floats],
    ) -> list[Lines]:
        """The lines along them, for every row."""
        point = sampler.point
        room = _room(point, self.tangents, limits)
        relative = [_largest(point, lambda v, size: v / size, v, self.sizes) for v in self.tangents]
        scale = power_of_two(np.asarray([1 / (largest or 1.0) for largest in relative]))
        widest = np.fmax(room[0], room[1])
        scale = np.where((widest > 0) & (widest < scale), power_of_two(widest), scale)
        tangents = self.tangents  # and not self, whose sizes take memory too
        samples = TangentSamples(sampler, rows, tangents, claim, slopes, room)

        def claimed(slope: Slope) -> Floats:
            return np.asarray([slope.along(tangent) for tangent in tangents])

        found = []
        for row, slope in enumerate(slopes):
            said = claimed(slope)
            lines = Lines(
                point=point,
                probes=RowProbes(samples, row, scale),
                claim=said,
                claimed=claimed,
                smooth=scale,
                vague=np.zeros(scale.shape, dtype=bool),
                direction=self.words,
                axes=False,
                whole=self._whole(slope, said, point) if self.by_chance else 0.0,
            )
            found.append(lines)
        return found

    def _whole(self, slope: Slope, said: Floats, point: Point) -> float:
        """What a row says of a random tangent, typically."""
        if slope.leaves is not None:
            return _claimed_change(slope.leaves, self.sizes, point)
        with np.errstate(all="ignore"):
            typical = float(np.sqrt(np.mean(said**2)))
        return typical if math.isfinite(typical) else 0.0


def random_tangents(
    point: Point,
    claims: Leaves | None,
    limits: tuple[Floats, Floats],
    value: float,
    rng: np.random.Generator,
    count: int,
) -> Tangents:
    """Random tangents: each coordinate a normal number times its own size, made on the device.

    `claims` and `value` are those of the only row, if there is just one.
    """
    sizes = _sizes(point, claims, value)
    shrunk = _shrunk(point, sizes)

    def tangent(x: Array, size: Array) -> Array:
        return point.backend.random_tangent(rng, x) * (size * shrunk)

    tangents = [point.halved(tangent, sizes) for _ in range(count)]
    tangents = [_inward(point, tangent, limits) for tangent in tangents]
    words = "1 random tangent" if count == 1 else f"{count} random tangents"
    return Tangents(tangents, sizes, words, by_chance=True)


def scaled_tangent(
    point: Point, scale: Floats, limits: tuple[Floats, Floats], rng: np.random.Generator
) -> Tangents:
    """A random tangent, of which each coordinate is a normal number times its `scale`."""
    tangent = point.from_host(rng.standard_normal(scale.size) * scale)
    words = "1 random tangent"
    return Tangents(
        [_inward(point, tangent, limits)], point.from_host(scale), words, by_chance=False
    )


def _inward(point: Point, tangent: list[Array], limits: tuple[Floats, Floats]) -> list[Array]:
    """A tangent turned inward where x0 lies on a bound, so that it can be followed."""
    if not bounded(limits):
        return tangent
    x0, v = point.on_host(point.leaves), point.on_host(tangent)
    v = np.where(x0 == limits[0], np.abs(v), v)
    v = np.where(x0 == limits[1], -np.abs(v), v)
    return point.from_host(np.where(limits[0] == limits[1], 0.0, v))


def roomier(point: Point, signs: list[Array], limits: tuple[Floats, Floats]) -> list[Array]:
    """Signs like `signs`, turned to the side where a coordinate has more room, if they differ."""
    x0, chosen = point.on_host(point.leaves), point.on_host(signs)
    above, below = limits[1] - x0, x0 - limits[0]
    chosen = np.where(above == below, chosen, np.where(above > below, 1.0, -1.0))
    # The neighbours of a negative number move away from zero with a positive sign.
    return point.from_host(np.where(x0 < 0, -chosen, chosen))


def given_tangent(point: Point, claims: Leaves | None, value: float, direction: Any) -> Tangents:
    """One tangent, given by the user; `claims` and `value` are as in `random_tangents`.

    Raises
    ------
    ValueError
        If it is not shaped like x0, not finite, or zero.
    """
    parts = point.claim_leaves(direction, name="direction", said="is", tangent=True)
    tangent = [point.xp.astype(part, x.dtype) for part, x in zip(parts, point.leaves, strict=True)]
    largest = _largest(point, lambda part: part, tangent)
    if not math.isfinite(largest) or largest == 0:
        problem = "zero everywhere" if largest == 0 else "not finite"
        raise ValueError(f"direction is {problem}; pass a finite tangent that is not zero")
    sizes = _sizes(point, claims, value)
    return Tangents([tangent], sizes, "the given tangent", by_chance=False)


def _sizes(point: Point, claims: Leaves | None, value: float) -> list[Array]:
    """The size of every coordinate.

    Where it is 0: the mean size of its leaf, or of all, but no more than changes ``func``, by
    the claim, if there is one, by all of its value, or by what the other coordinates are worth.
    """
    xp = point.xp
    means = [_mean_size(point, leaf) for leaf in range(len(point.leaves))]
    overall = max(means) or 1.0
    worth = 0.0
    if claims is not None:
        worth = max(abs(value), _claimed_change(claims, point.leaves, point))
    if claims is not None and worth == 0:  # nothing shows how large; but they may well differ
        worth = overall * _norm(point, lambda claim: claim, claims) / math.sqrt(point.size)

    def size(x: Array, claim: Array, mean: float) -> Array:
        stand_in = xp.full_like(x, mean or overall)
        if worth > 0:
            with np.errstate(all="ignore"):
                needed = worth / xp.abs(xp.astype(claim, x.dtype))
            stand_in = xp.where(needed < stand_in, needed, stand_in)
        stand_in = xp.where(stand_in > 0, stand_in, xp.full_like(x, mean or overall))
        return xp.where(x != 0, xp.abs(x), stand_in)

    return [
        point.in_blocks(partial(size, mean=mean), x, claim)
        for x, claim, mean in zip(point.leaves, claims or point.leaves, means, strict=True)
    ]


def _shrunk(point: Point, sizes: Sequence[Array]) -> float:
    """What the length of a random tangent is multiplied by, so that no entry overflows."""
    room = [
        _largest(point, lambda size: size, [size]) / float(point.xp.finfo(size.dtype).max)
        for size in sizes
        if math.prod(size.shape)
    ]
    return 1.0 if max(room) < _ROOM else _ROOM


def _mean_size(point: Point, leaf: int, scale: float = 1.0) -> float:
    """The mean size of the entries of a leaf; they are summed times `scale`."""
    xp, count = point.xp, point.sizes[leaf]
    if count == 0:
        return 0.0
    blocks = point.blocks(lambda x: xp.mean(xp.abs(x) * scale), point.leaves[leaf])
    lengths = [min(BLOCK, count - start) for start in range(0, count, BLOCK)]
    mean = sum(float(each) * (n / count) for each, n in zip(blocks, lengths, strict=True)) / scale
    return mean if math.isfinite(mean) or scale < 1 else _mean_size(point, leaf, 1 / BLOCK)


def _claimed_change(claims: Sequence[Array], steps: Sequence[Array], point: Point) -> float:
    """What ``func`` changes by, says the claim, when every coordinate takes its step.

    The 2-norm over the coordinates, computed where they are; 0 where it is not finite.
    """

    def change(claim: Array, step: Array) -> Array:
        # Products overflow in float16.
        pair = [at_least_single(part, point.xp) for part in (claim, step)]
        one, other = alike(pair, point.xp)
        return one * other

    return _norm(point, change, claims, steps)


def _norm(point: Point, function: Callable[..., Array], *parts: Sequence[Array]) -> float:
    """The 2-norm of `function` of all entries, computed where they are; 0 if it is not finite."""
    with np.errstate(all="ignore"):
        blocks = (float(norm([block], point.xp)) for block in point.blockwise(function, *parts))
        size = math.hypot(*blocks)
    return size if math.isfinite(size) else 0.0


def _largest(point: Point, function: Callable[..., Array], *parts: Sequence[Array]) -> float:
    """The largest size of `function` of all entries."""
    xp = point.xp
    blocks = point.blockwise(lambda *each: xp.max(xp.abs(function(*each))), *parts)
    return max(float(block) for block in blocks)


def _room(
    point: Point, tangents: list[list[Array]], limits: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """How far each tangent may be followed forward and backward within the bounds."""
    lower, upper = limits
    unbounded = np.full(len(tangents), np.inf)
    if not bounded(limits):
        return unbounded, unbounded
    x0 = point.on_host(point.leaves)
    above, below = upper - x0, x0 - lower
    forward, backward = unbounded.copy(), unbounded.copy()
    for i, tangent in enumerate(tangents):
        v = point.on_host(tangent)
        with np.errstate(divide="ignore", invalid="ignore"):
            up, down = above / np.abs(v), below / np.abs(v)
        forward[i] = np.nanmin(np.where(v > 0, up, np.where(v < 0, down, np.inf)))
        backward[i] = np.nanmin(np.where(v > 0, down, np.where(v < 0, up, np.inf)))
    return forward, backward
