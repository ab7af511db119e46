"""Races against the peers."""
