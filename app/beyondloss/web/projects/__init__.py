"""Behaviours and probe sets of a project: look, edit, import, export."""
