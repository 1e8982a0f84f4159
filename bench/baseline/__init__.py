"""The server that a good Python engineer would write: what Fenqi is compared with."""
