"""ONNX graphs as native models: compiled, and compared with onnxruntime."""

from fenqi.artifacts.graph.compiler import GraphInput, compile_graph, graph_inputs
from fenqi.artifacts.graph.parity import Parity, ServingForm, serving_form
from fenqi.artifacts.graph.tensors import NotNativeError
from fenqi.artifacts.graph.zip_map import without_zip_maps

__all__ = [
    "GraphInput",
    "NotNativeError",
    "Parity",
    "ServingForm",
    "compile_graph",
    "graph_inputs",
    "serving_form",
    "without_zip_maps",
]
