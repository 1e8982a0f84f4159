"""From an exported ONNX file and rows of data to an artifact."""

from fenqi.artifacts.packing.pack import Packed, pack
from fenqi.artifacts.packing.wishes import Wishes

__all__ = ["Packed", "Wishes", "pack"]
