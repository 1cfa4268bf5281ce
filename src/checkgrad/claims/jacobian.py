"""Claims of the form ``jac(x)``: an array for each pair of an output and an input."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

from checkgrad.arrays.arithmetic import at_least_single
from checkgrad.arrays.outputs import OutputSpec
from checkgrad.arrays.parsing import as_numeric
from checkgrad.arrays.point import Floats
from checkgrad.backends import Array, densified_tree, flatten_tree, machine_epsilon, snapshot
from checkgrad.claims.forms import ManyOutputsClaim
from checkgrad.claims.linear_map import GradientByLeaves, Leaves
from checkgrad.evaluate.directions import ClaimedGradient
from checkgrad.evaluate.outputs import Outputs


class JacClaim(ManyOutputsClaim):
    """``jac(x)``: an array of shape output + input for each pair of an output and an input."""

    def gradients(
        self, leaves: Leaves, outputs: Outputs, passing: bool = False
    ) -> Iterator[ClaimedGradient]:
        """See `Claim.gradients`."""
        del passing
        spec, point = self._reader.spec, self._point
        blocks = self._blocks(snapshot(densified_tree(self._call(leaves))), spec)
        self._note(max(float(machine_epsilon(b)) for row in blocks for b in row))
        for output in range(outputs.count):
            if output < len(outputs.entries):
                entry = int(outputs.entries[output])
                k = spec.part_of(entry)
                row = partial(_row, number=entry - spec.offsets[k])
                claims = [point.backend.computed(row, block) for block in blocks[k]]
            else:
                claims = self._weighted(blocks, outputs.weights_of(output, spec.size))
            pairs = zip(claims, point.leaves, strict=True)
            yield GradientByLeaves([point.backend.laid_out(*pair) for pair in pairs], point)

    def _weighted(self, blocks: list[list[Array]], weights: Floats) -> list[Array]:
        """Return the weighted sum of all gradients."""
        spec, xp = self._reader.spec, self._point.xp
        sums: list[Any] = [0.0] * len(self._point.leaves)
        for part, start, row in zip(spec.parts, spec.offsets, blocks, strict=True):
            for leaf, block in enumerate(row):
                if 0 in block.shape:
                    continue
                wide = at_least_single(block, xp)
                numbers = weights[start : start + part.size]
                column = self._point.backend.from_host(numbers, wide)
                column = xp.reshape(column, (-1,) + (1,) * (len(wide.shape) - 1))
                sums[leaf] = sums[leaf] + xp.sum(column * wide, axis=0)
        return sums

    def _blocks(self, claim: Any, spec: OutputSpec) -> list[list[Array]]:
        """Return an array of shape (numbers of part,) + leaf for each part of func and leaf."""
        point = self._point
        if claim is None:
            raise TypeError(
                f"{self._name} returned None; it must return numbers (is a return missing?)"
            )
        if spec.structure is None:
            asked = f"{self._name} returned"
            grid = [point.parts(claim, asked, "one part is needed for each array of x0")]
        else:
            leaves, structure = flatten_tree(claim)
            at = dict(zip(structure.paths, leaves, strict=True))
            paths = [point.leaf_path(leaf) for leaf in range(len(point.leaves))]
            wanted = [[part.path + path for path in paths] for part in spec.parts]
            missing = [path for row in wanted for path in row if path not in at]
            if missing:
                raise ValueError(
                    f"{self._name} returned a tree without {missing[0]}: it must have the "
                    "structure of what func returns, with that of x0 in every leaf; it has "
                    f"{', '.join(structure.paths) or 'no leaves'}"
                )
            known = {path for row in wanted for path in row}
            inputs = point.structure.fixed if point.structure else ()
            extra = [
                path
                for path in structure.paths
                if path not in known
                and not path.startswith(spec.structure.fixed)
                and not path.endswith(inputs)
            ]
            if extra:
                raise ValueError(
                    f"{self._name} returned a tree with {extra[0]}, which belongs to nothing: it "
                    "must have the structure of what func returns, with that of x0 in every leaf"
                )
            grid = [[at[path] for path in row] for row in wanted]
        return [
            [self._block(block, spec, k, leaf) for leaf, block in enumerate(row)]
            for k, row in enumerate(grid)
        ]

    def _block(self, claim: Any, spec: OutputSpec, k: int, leaf: int) -> Array:
        point, part = self._point, spec.parts[k]
        xp, x = point.xp, point.like(leaf)
        name = f"{self._name}{part.path}{point.leaf_path(leaf)}"
        array = as_numeric(point.backend.laid_out(claim, x), point.backend, x, name)
        inner, outer = point.user_shape(leaf), tuple(part.like.shape)
        if tuple(array.shape) != outer + inner:
            flat = outer in ((), (1,)) and tuple(array.shape) in (inner, outer + inner, (1, *inner))
            if not flat:
                turned = tuple(array.shape) == inner + outer
                raise ValueError(
                    f"{name} has shape {tuple(array.shape)}, but func{part.path} has shape {outer} "
                    f"and x0{point.leaf_path(leaf)} has shape {inner}; return the Jacobian of "
                    f"shape {outer + inner}{' (it looks transposed)' if turned else ''}"
                )
        array = xp.reshape(array, (math.prod(outer), *inner))
        return self._real(array, part.paired, point.complexes[leaf], name)

    def _real(self, array: Array, paired: bool, by_complex: bool, name: str) -> Array:
        """Return a block in real numbers: ``dy = J dx``, or its real part where func is real."""
        xp = self._point.xp
        if not xp.isdtype(array.dtype, "complex floating"):
            if not paired and not by_complex:
                return array
            real, imaginary = array, xp.zeros_like(array)
        elif not paired and not by_complex:
            raise TypeError(
                f"{name} is complex (dtype {array.dtype}), but neither x0 nor func(x0) is"
            )
        else:
            real, imaginary = xp.real(array), xp.imag(array)
        if not paired:
            flip = -1 if self._point.conj_convention else 1
            return xp.stack([real, flip * imaginary], axis=-1)
        if by_complex:
            upper = xp.stack([real, -imaginary], axis=-1)
            lower = xp.stack([imaginary, real], axis=-1)
        else:
            upper, lower = real, imaginary
        both = xp.stack([upper, lower], axis=1)
        return xp.reshape(both, (-1, *upper.shape[1:]))


def _row(block: Array, number: int) -> Array:
    return block[number, ...]
