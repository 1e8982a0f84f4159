"""From an exported ONNX file and rows of data to an artifact."""

from fenqi.artifacts.packing.pack import Packed, Wishes, pack

__all__ = ["Packed", "Wishes", "pack"]
