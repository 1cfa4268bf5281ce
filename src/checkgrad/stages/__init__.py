"""The stages of a check, which `checkgrad.pipeline` puts in order."""
