"""`fenqi deploy`: what a running server answers with."""
