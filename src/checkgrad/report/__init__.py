"""From decisions to a report that a person reads."""
