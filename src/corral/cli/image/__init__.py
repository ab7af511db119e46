"""Verbs on images, one module each."""
