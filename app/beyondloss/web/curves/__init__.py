"""Curves of several runs laid over each other: the comparison of configurations that loss is fit for."""
