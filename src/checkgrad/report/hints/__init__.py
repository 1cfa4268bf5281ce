"""What a mismatch looks like: one file for each family of slips."""
