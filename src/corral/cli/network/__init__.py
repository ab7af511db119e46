"""Verbs on networks, one module each."""
