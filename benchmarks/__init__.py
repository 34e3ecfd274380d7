"""How fast it is, measured. README.md says what and how."""
