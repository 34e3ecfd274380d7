"""Pages and the JSON API. Parses, calls one service, builds a page dataclass, renders. No SQL, no torch."""
