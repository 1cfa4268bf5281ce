"""The only callers of the user's functions. Nothing is judged here."""
