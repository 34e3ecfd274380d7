"""The only place that knows SQL: tables, the unit of work, and one module of named queries per aggregate.

Query functions take a session first and never commit: `with store.write() as session:` does, around all of them.
"""
