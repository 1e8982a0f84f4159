"""Serving: configuration, the process, its fronts and its admin service."""
