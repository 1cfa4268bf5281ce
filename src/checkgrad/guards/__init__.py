"""A gradient that is checked while a solver uses it."""
