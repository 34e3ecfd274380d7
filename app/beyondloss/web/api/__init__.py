"""The JSON API under /api/v1: one module per resource, each with its models and its router. No SQL, no HTML."""
