"""Offline: data, evaluation, simulation."""
