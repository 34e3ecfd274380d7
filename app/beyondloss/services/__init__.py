"""One function per intention. Services own transactions: each takes the `Store` first and opens its own unit of work.

They return frozen dataclasses, never rows. They know no HTTP, no settings, no torch.
"""
