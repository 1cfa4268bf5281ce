"""Is this hand-written derivative right?

`verify_grad`, `verify_jac`, `verify_jvp` and `verify_vjp` judge a derivative, with no tolerance to
tune; `check_grad` and `approx_fprime` are drop-ins for SciPy's. All of them take NumPy, JAX and
PyTorch arrays. `verify_autodiff` judges the array library's own differentiation. Each ``verify_``
has an ``assert_`` for tests. `guard` checks a gradient while a solver uses it.
"""

from __future__ import annotations

from importlib import import_module

# `typing.TYPE_CHECKING`, as type checkers understand it too. To import `typing` would take most of
# the time that this module takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from checkgrad.api.assertions import (
        assert_autodiff,
        assert_grad,
        assert_jac,
        assert_jvp,
        assert_vjp,
    )
    from checkgrad.api.autodiff import verify_autodiff
    from checkgrad.api.guard import guard
    from checkgrad.api.scipy_compat import approx_fprime, check_grad
    from checkgrad.api.verify import verify_grad, verify_jac, verify_jvp, verify_vjp
    from checkgrad.guards.check import GuardCheck
    from checkgrad.guards.guard import Guard
    from checkgrad.numerics.decisions import Verdict
    from checkgrad.report.error import GradientError
    from checkgrad.report.mismatch import Mismatch
    from checkgrad.report.report import Report

__all__ = [
    "GradientError",
    "Guard",
    "GuardCheck",
    "Mismatch",
    "Report",
    "Verdict",
    "approx_fprime",
    "assert_autodiff",
    "assert_grad",
    "assert_jac",
    "assert_jvp",
    "assert_vjp",
    "check_grad",
    "guard",
    "verify_autodiff",
    "verify_grad",
    "verify_jac",
    "verify_jvp",
    "verify_vjp",
]
__version__ = "0.2.0"

_HOMES = {
    "GradientError": "report.error",
    "Guard": "guards.guard",
    "GuardCheck": "guards.check",
    "Mismatch": "report.mismatch",
    "Report": "report.report",
    "Verdict": "numerics.decisions",
    "approx_fprime": "api.scipy_compat",
    "assert_autodiff": "api.assertions",
    "assert_grad": "api.assertions",
    "assert_jac": "api.assertions",
    "assert_jvp": "api.assertions",
    "assert_vjp": "api.assertions",
    "check_grad": "api.scipy_compat",
    "guard": "api.guard",
    "verify_autodiff": "api.autodiff",
    "verify_grad": "api.verify",
    "verify_jac": "api.verify",
    "verify_jvp": "api.verify",
    "verify_vjp": "api.verify",
}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'checkgrad' has no attribute {name!r}")
    found = getattr(import_module(f"checkgrad.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
