"""Our settings of JAX for our arithmetic, the user's for the user's code, and none left behind."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp

from checkgrad.backends.jax_wide_setting import as_user_set, has_float64, with_float64

SETTINGS = {
    "debug_nans": True,
    "debug_infs": True,
    "disable_jit": True,
    "enable_checks": True,
    "numpy_dtype_promotion": "strict",
    "numpy_rank_promotion": "raise",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_setting_of_the_user_holds_for_the_users_code_only(name: str) -> None:
    def now() -> Any:
        return getattr(jax.config, f"jax_{name}")

    users = SETTINGS[name]
    with getattr(jax, name)(users):
        with with_float64():
            assert now() != users
            with as_user_set():
                assert now() == users
                with with_float64():
                    assert now() != users
                assert now() == users
            assert now() != users
        assert now() == users


def test_float64_and_back() -> None:
    with jax.enable_x64(False):
        with with_float64():
            assert has_float64()
            with as_user_set():
                assert not has_float64()
            assert has_float64()
        assert not has_float64()


def test_nan_does_not_stop_us() -> None:
    with jax.debug_nans(True), with_float64():
        assert jnp.isnan(jnp.zeros(1) / 0)


def test_settings_come_back_after_an_error() -> None:
    with jax.debug_nans(True):
        with pytest.raises(KeyError), with_float64():
            raise KeyError
        assert jax.config.jax_debug_nans
