"""In the place of ``torch.autograd``'s checks: `gradcheck` and `gradgradcheck`."""

from __future__ import annotations

from checkgrad.drop_ins.torch_error import GradcheckError
from checkgrad.drop_ins.torch_gradcheck import gradcheck, gradgradcheck

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
