"""BeyondLoss: read, compare and rate what every fine-tuning checkpoint says.

Importing this package imports nothing else: it is safe inside anybody's training environment.
"""

__version__ = "0.1.0"
