"""Verbs on the engine itself: version, info, events, disk usage."""
