"""Is this hand-written derivative right?

`verify_grad`, `verify_jac`, `verify_jvp` and `verify_vjp` judge a derivative, with no tolerance to
tune; `check_grad` and `approx_fprime` are drop-ins for SciPy's. All of them take NumPy, JAX and
PyTorch arrays.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checkgrad.autodiff import verify_autodiff
    from checkgrad.judge import Verdict
    from checkgrad.report import GradientError, Mismatch, Report
    from checkgrad.scipy_contract import approx_fprime, check_grad
    from checkgrad.verify import assert_grad, verify_grad, verify_jac, verify_jvp, verify_vjp

__all__ = [
    "GradientError",
    "Mismatch",
    "Report",
    "Verdict",
    "approx_fprime",
    "assert_grad",
    "check_grad",
    "verify_autodiff",
    "verify_grad",
    "verify_jac",
    "verify_jvp",
    "verify_vjp",
]
__version__ = "0.1.0"

_HOMES = {
    "GradientError": "report",
    "Mismatch": "report",
    "Report": "report",
    "Verdict": "judge",
    "approx_fprime": "scipy_contract",
    "assert_grad": "verify",
    "check_grad": "scipy_contract",
    "verify_autodiff": "autodiff",
    "verify_grad": "verify",
    "verify_jac": "verify",
    "verify_jvp": "verify",
    "verify_vjp": "verify",
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
