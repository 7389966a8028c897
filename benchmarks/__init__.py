"""Speed next to named peers; run by ``make bench``."""
