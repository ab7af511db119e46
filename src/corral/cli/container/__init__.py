"""Verbs on containers, one module each, and what several of them share: ``create_flags``, ``request``, ``attach``."""
