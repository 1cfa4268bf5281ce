"""The user's structures and flat numbers: the way from one to the other, and back."""
