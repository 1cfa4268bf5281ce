"""Claims in float64, and as the user wrote them where that fails."""

import numpy as np
import pytest

from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import make_point
from checkgrad.claims.make import make_claim
from checkgrad.claims.widened import NativeClaim, PreferredClaim
from checkgrad.evaluate.calling import UserFunction
from checkgrad.evaluate.outputs import Outputs

X0 = np.asarray([0.1, 0.7], np.float32)


def preferred(form, function, value=None):
    """Return a claim, and the outputs that it is about; the widening passes float64."""
    native = make_point(X0)
    wide = native.widened()
    readers, count = [None, None], 1
    if value is not None:
        readers = [OutputReader(point, many=False) for point in (native, wide)]
        count = value.size
        for reader in readers:
            reader.read(value)
    of_dtypes = [
        make_claim(form, UserFunction(function), point, reader)
        for point, reader in zip((native, wide), readers, strict=True)
    ]
    claim = PreferredClaim(of_dtypes[1], NativeClaim(of_dtypes[0], native, wide))
    return claim, wide, Outputs(np.arange(count), np.empty((0, count)))


def test_a_claim_that_takes_float64_is_evaluated_in_it():
    claim, point, outputs = preferred("grad", lambda x: x / 3)
    (gradient,) = claim.gradients(point.leaves, outputs)
    assert gradient.coordinates().tolist() == (X0.astype(float) / 3).tolist()
    assert claim.is_wide
    assert (claim.obstacle, claim.epsilon, claim.input_epsilon) == ("", 2.0**-52, 0.0)
    assert claim.n_grad == 1


def narrow_only(x):
    if x.dtype != np.float32:
        raise TypeError("this kernel takes float32")
    return x / np.float32(3)


@pytest.mark.parametrize("function", [narrow_only, lambda x: (x / 3).astype(np.float32)])
def test_a_claim_that_does_not_is_evaluated_as_the_user_wrote_it(function):
    claim, point, outputs = preferred("grad", function)
    (gradient,) = claim.gradients(point.leaves, outputs)
    assert gradient.coordinates().tolist() == (X0 / np.float32(3)).astype(float).tolist()
    assert not claim.is_wide
    assert "float32" in claim.obstacle or "narrower dtype" in claim.obstacle
    assert claim.epsilon == claim.input_epsilon == 2.0**-23
    assert claim.n_grad == 2
    again = next(claim.gradients(point.leaves, outputs, passing=True))
    assert again.along([np.asarray([1.0, 0.0])]) == gradient.coordinates()[0]
    assert (
        claim.changes([np.asarray([2.0, 0.0])], outputs, [again]) == 2 * gradient.coordinates()[0]
    )


def test_a_jvp_that_fails_in_float64_is_asked_along_narrow_tangents():
    seen = []

    def jvp(x, tangent):
        seen.append((x.dtype.name, tangent.dtype.name))
        return narrow_only(x) * tangent

    claim, point, outputs = preferred("jvp", jvp, np.ones(2, np.float32))
    gradients = list(claim.gradients(point.leaves, outputs))
    assert not claim.is_wide
    expected = (X0 / np.float32(3)).astype(float)
    assert gradients[1].along([np.asarray([1.0, 2.0])]) == 2 * expected[1]
    assert gradients[0].coordinates().tolist() == [expected[0], 0.0]
    changes = claim.changes([np.asarray([1e-300, 0.0])], outputs, gradients)
    assert changes.tolist() == [0.0, 0.0]
    assert seen[0] == ("float64", "float64")
    assert set(seen[1:]) == {("float32", "float32")}


def test_an_error_in_both_is_that_of_the_native_claim():
    claim, point, outputs = preferred("grad", lambda x: x[:1])
    with pytest.raises(ValueError, match="grad returned shape"):
        list(claim.gradients(point.leaves, outputs))


def test_a_point_is_rounded_to_the_dtypes_of_the_user():
    claim, point, _ = preferred("grad", lambda x: x)
    (rounded,) = claim.native.rounded([point.leaves[0] + 1e-12])
    assert rounded.tolist() == X0.astype(float).tolist()


FAULTS = [AttributeError, IndexError, KeyError, AssertionError, RuntimeError]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_claim_raises_in_float64_leaves_the_claim_as_it_is_written(fault):
    def claim_of_float32(x):
        if x.dtype != np.float32:
            raise fault("no kernel for float64")
        return x / np.float32(3)

    claim, point, outputs = preferred("grad", claim_of_float32)
    assert len(list(claim.gradients(point.leaves, outputs))) == 1
    assert "no kernel for float64" in claim.obstacle


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_ours_is_no_reason_to_evaluate_a_claim_as_it_is_written(fault, monkeypatch):
    """Else a wrong claim is judged in few digits, and passes."""

    def broken(*args):
        raise fault("a fault of ours")

    claim, point, outputs = preferred("grad", lambda x: x / 3)
    monkeypatch.setattr(NativeClaim, "holds", broken)
    with pytest.raises(fault, match="a fault of ours"):
        list(claim.gradients(point.leaves, outputs))
