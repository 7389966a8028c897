"""Vote patterns, and the rules that make a consensus of them."""
