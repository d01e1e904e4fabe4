"""Providers of the two seams of access."""
