"""Deployments: what answers, how that is changed, and how it survives."""
