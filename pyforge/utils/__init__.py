"""Helpers around the engine."""
