"""The command `fenqi`."""
