"""The five reports whose pictures are compared, and one whose claim is sampled though correct."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from checkgrad import Report, verify_grad

X0 = np.linspace(-1.0, 1.0, 12)
FIELD = np.linspace(0.1, 2.9, 30).reshape(6, 5)
PARAMS = {"W": np.linspace(-1.0, 1.0, 12).reshape(4, 3), "b": np.asarray([0.1, 0.2, 0.3])}
INPUTS = np.cos(np.arange(20.0)).reshape(5, 4)
NOISE = 1e-6


def func(x: Any) -> Any:
    return np.sum(np.exp(x) * np.arange(1, x.size + 1))


def grad(x: Any) -> Any:
    return np.exp(x) * np.arange(1, x.size + 1)


def _wrong_in_one_array(params: Any) -> Any:
    hidden = np.tanh(INPUTS @ params["W"] + params["b"])
    slope = 2 * hidden * (1 - hidden**2)
    return {"W": INPUTS.T @ slope, "b": 3 * slope.sum(axis=0)}


def _wrong_field(field: Any) -> Any:
    claim = np.cos(field)
    claim[2:4, 1:3] *= -1
    return claim


@functools.cache
def correct() -> Report:
    return verify_grad(func, grad, X0)


@functools.cache
def sampled() -> Report:
    return verify_grad(func, grad, X0, keep_samples=True)


@functools.cache
def wrong_array() -> Report:
    def loss(params: Any) -> Any:
        return np.sum(np.tanh(INPUTS @ params["W"] + params["b"]) ** 2)

    return verify_grad(loss, _wrong_in_one_array, PARAMS)


@functools.cache
def wrong_field() -> Report:
    return verify_grad(lambda field: np.sum(np.sin(field)), _wrong_field, FIELD)


@functools.cache
def kink() -> Report:
    weights = np.arange(1.0, 5.0)
    claim = np.asarray([3.0, 2.0, -3.0, 4.0])  # any first entry from -1 to 1 would do
    x0 = np.asarray([0.0, 1.0, -2.0, 0.5])
    return verify_grad(lambda x: np.sum(np.abs(x) * weights), lambda x: claim, x0)


@functools.cache
def noise() -> Report:
    def noisy(x: Any) -> Any:
        return np.sum(np.sin(x)) + NOISE * np.sum(np.sin(1e20 * x))

    return verify_grad(noisy, np.cos, np.asarray([0.3, 1.2, 2.0]))


FIVE = {each.__name__: each for each in (correct, wrong_array, wrong_field, kink, noise)}
