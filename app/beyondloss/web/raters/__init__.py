"""Several raters of one run: how far they agree, what to talk about, and how each of them rates."""
