"""What the documentation site is made with beside its pages: generated parts, and code that is run."""
