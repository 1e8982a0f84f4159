"""Makes the bundled models; see train.py."""
