"""The queue page: what is answered now, what waits and why, and the workers."""
