"""make train."""

from .train import main

main()
