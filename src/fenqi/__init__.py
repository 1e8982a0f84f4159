"""Fenqi: real-time decisions on mobile instalment loans. Python compiles, C++ runs."""

__version__ = "0.1.0"
