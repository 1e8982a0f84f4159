"""ZipMap turns a tensor of probabilities into one dictionary a row, which is of no use to a server.

Converters put it at the end of classifiers unless they are told not to; taking it away leaves the
numbers as they are.
"""

from __future__ import annotations

from onnx import ModelProto, TensorProto, helper


def without_zip_map(model: ModelProto) -> tuple[ModelProto, list[str]]:
    """The model whose outputs are tensors, and what was done, in sentences."""
    changed = ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    done = []
    for node in [node for node in graph.node if node.op_type == "ZipMap"]:
        values, mapped = node.input[0], node.output[0]
        place = next((i for i, value in enumerate(graph.output) if value.name == mapped), None)
        if place is None or any(mapped in other.input for other in graph.node):
            continue
        graph.node.remove(node)
        output = helper.make_tensor_value_info(values, TensorProto.FLOAT, [None, None])
        graph.output[place].CopyFrom(output)
        done.append(f"took the ZipMap away that made {mapped} of {values}, which is the output now")
    return changed, done
