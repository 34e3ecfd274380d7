"""Statistics over ratings and texts. The unit is the probe: average its ratings first, then compute over probes.

scipy is imported inside the functions that need it: opening the dashboard must not wait for it.
"""
