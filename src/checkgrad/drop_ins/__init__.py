"""Checks with the signatures and input rules of the array libraries' own checkers.

A module whose name begins with that of a library belongs to the drop-in for that library. The
public names are in `checkgrad.torch` and `checkgrad.jax`.
"""
