"""From the user's function to the claim of its form."""

from __future__ import annotations

import pytest

from checkgrad.claims.forms import GradClaim, JvpClaim, VjpClaim
from checkgrad.claims.jacobian import JacClaim


@pytest.mark.parametrize(
    ("form", "value", "kind"),
    [
        ("grad", None, GradClaim),
        ("jac", [1.0], JacClaim),
        ("jvp", [1.0], JvpClaim),
        ("vjp", [1.0], VjpClaim),
    ],
)
def test_each_form_has_its_claim(make, form, value, kind):
    made = make(form, lambda x: x, [1.0], value)
    assert type(made.claim) is kind
    assert made.claim.n_grad == 0
    assert made.claim.epsilon == 0.0
