"""From the user's function to the claim of its form."""

from __future__ import annotations

from typing import Any, cast

from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import Point
from checkgrad.claims.forms import Claim, GradClaim, JvpClaim, ManyOutputsClaim, VjpClaim
from checkgrad.claims.jacobian import JacClaim
from checkgrad.evaluate.calling import UserFunction


def make_claim(
    form: str, function: UserFunction, point: Point, reader: OutputReader | None
) -> Claim:
    """Return the claim of a form.

    Parameters
    ----------
    form : {"grad", "jac", "jvp", "vjp"}
        What kind of function it is; also what errors call it.
    function : UserFunction
        The claim as the user wrote it.
    point : Point
        x0.
    reader : OutputReader or None
        Knows what ``func`` returns; None where that is a number.
    """
    if reader is None:
        return GradClaim(function, form, point)
    forms: dict[str, type[ManyOutputsClaim]] = {"jac": JacClaim, "jvp": JvpClaim, "vjp": VjpClaim}
    claim: Any = forms[form](function, form, point, reader)
    return cast(Claim, claim)
