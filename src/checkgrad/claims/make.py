"""From the user's function to the claim of its form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import Point
from checkgrad.claims.forms import Claim, GradClaim, JvpClaim, ManyOutputsClaim, VjpClaim
from checkgrad.claims.jacobian import JacClaim
from checkgrad.evaluate.calling import UserFunction


def make_claim(
    form: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    point: Point,
    reader: OutputReader | None,
) -> Claim:
    """Return the claim of a form.

    Parameters
    ----------
    form : {"grad", "jac", "jvp", "vjp"}
        What kind of function it is; also what errors call it.
    function : callable
        As the user passed it.
    args : tuple
        Further arguments.
    point : Point
        x0.
    reader : OutputReader or None
        Knows what ``func`` returns; None where that is a number.
    """
    called = UserFunction(function, args)
    if reader is None:
        return GradClaim(called, form, point)
    forms: dict[str, type[ManyOutputsClaim]] = {"jac": JacClaim, "jvp": JvpClaim, "vjp": VjpClaim}
    claim: Any = forms[form](called, form, point, reader)
    return cast(Claim, claim)
