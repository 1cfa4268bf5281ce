"""The doors: what users call. Nothing is computed here."""
