"""What is measured of ``func`` and of the claim before anything is judged."""
