"""The error that the drop-ins for PyTorch raise: one of PyTorch's and one of checkgrad's."""

from __future__ import annotations

from typing import Any

from torch.autograd.gradcheck import GradcheckError as TorchGradcheckError

from checkgrad.report.error import GradientError
from checkgrad.report.report import Report


class GradcheckError(GradientError, TorchGradcheckError):  # type: ignore[misc]
    """A gradient is wrong, or could not be checked.

    It is a ``torch.autograd.gradcheck.GradcheckError``, and so a ``RuntimeError``. It is also a
    `checkgrad.GradientError`, and so an ``AssertionError``.

    Parameters
    ----------
    message : str
        What is wrong.
    report : Report or None
        The report of the check; None if there is none, since func has no finite value.

    Attributes
    ----------
    report : Report or None
        See above.

    Examples
    --------
    >>> import torch
    >>> from checkgrad.torch import GradcheckError, gradcheck
    >>> x = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)
    >>> try:
    ...     gradcheck(lambda x: x.detach() * x, (x,))
    ... except GradcheckError as error:
    ...     print(error.report.verdict.value)
    wrong
    """

    __module__ = "checkgrad.torch"  # where users import it from, and what a traceback names
    report: Any

    def __init__(self, message: str, report: Report | None = None) -> None:
        Exception.__init__(self, message)
        self.report = report

    def __reduce__(self) -> Any:
        return GradcheckError, (str(self), self.report)
