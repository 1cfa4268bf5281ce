"""Arithmetic on arrays of the host: from samples to estimates and decisions. NumPy only."""
