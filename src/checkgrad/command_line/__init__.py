"""``python -m checkgrad``: a check from a shell. What a check is and says, other rooms own."""
