"""Functions without some of their outputs."""

from __future__ import annotations

from checkgrad.claims.left_out import without_outputs


def test_outputs_are_left_out_by_their_paths_and_the_others_stay_in_their_places() -> None:
    def func(x: float, factor: float) -> dict[str, object]:
        return {"loss": factor * x, "parts": (x, -x)}

    reduced = without_outputs(func, ["['parts'][0]"])
    assert reduced(2.0, 3.0) == {"loss": 6.0, "parts": (None, -2.0)}
    assert reduced.__name__ == "func"
