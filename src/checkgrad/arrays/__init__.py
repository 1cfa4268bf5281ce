"""The user's structures as flat numbers: the way from one to the other, and back."""
