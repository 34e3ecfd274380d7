"""Probes × checkpoints on one page: where the answers moved, and what was said of it."""
