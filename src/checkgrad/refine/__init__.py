"""How far to look: which steps each direction is sampled at."""
