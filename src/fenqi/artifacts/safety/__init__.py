"""Refuses ONNX files that are broken or hostile, before onnxruntime or a compiler sees them.

The order is that of trust: the bytes as protobuf (wire.py), what belongs together in a graph
(structure.py), tensors and declared shapes (tensors.py), trees (trees.py). Limits are in limits.py.
"""

from fenqi.artifacts.safety.graph import parse_graph
from fenqi.artifacts.safety.limits import UnsafeGraph

__all__ = ["UnsafeGraph", "parse_graph"]
