"""Verbs on volumes, one module each."""
