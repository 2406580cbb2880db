"""A month of trading, proved: what is planted is found, and nothing else. See `prove_month`."""
