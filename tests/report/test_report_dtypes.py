"""What a report says of dtypes."""

import numpy as np
import pytest

from checkgrad import verify_grad
from checkgrad.arrays.point import make_point
from checkgrad.backends import Observation
from checkgrad.report.dtypes import dtypes_of, remark_on_native, remarks_in_float64

pytestmark = pytest.mark.numpy

X0 = np.asarray([0.7, -1.3], np.float32)


def func(x):
    return np.sum(x**2)


def grad(x):
    return 2 * x


def test_the_dtypes_are_those_that_the_user_passed():
    point = make_point({"a": X0, "b": X0.astype(complex), "c": X0}, allow_complex=True)
    assert dtypes_of(point) == "float32, complex128"


def test_nothing_is_remarked_where_all_was_evaluated_in_float64():
    assert list(remarks_in_float64(Observation(2.0**-23), "")) == []


def test_casts_islands_and_a_native_claim_are_remarked():
    islands = {"view": 2, "frexp": 1, "nextafter": 1, "ffi_call": 1}
    seen = Observation(2.0**-7, islands, ("bfloat16",))
    cast, island, claim = remarks_in_float64(seen, "TypeError: no")
    assert cast.startswith("func casts to bfloat16 inside")
    assert "5 operations of func" in island
    assert "view, frexp, nextafter and 1 more" in island
    assert claim == "the claim was evaluated as it is written, and func in float64: TypeError: no"


def test_the_reason_for_the_users_dtype_is_given():
    said = remark_on_native(make_point(X0), "TypeError: no")
    assert said == "func was evaluated in float32, and not in float64: TypeError: no"


def test_the_text_says_what_func_was_evaluated_in_where_it_is_not_that_of_x0():
    assert "float32 on cpu (numpy), evaluated in float64" in str(verify_grad(func, grad, X0))
    native = str(verify_grad(func, grad, X0, precision="native"))
    assert "evaluated in" not in native
    assert "evaluated in" not in str(verify_grad(func, grad, X0.astype(float)))


def test_the_digits_are_part_of_the_text_and_of_the_dictionary():
    report = verify_grad(lambda x: np.sum(np.exp(x)), np.exp, X0)
    assert f"in float32 the claim keeps {report.digits:.1f} digits" in str(report)
    assert report.to_dict()["digits"] == report.digits
    assert report.to_dict()["evaluated_in"] == "float64"
