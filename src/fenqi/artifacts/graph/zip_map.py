"""ZipMap makes dictionaries of probabilities; a scorer wants the probabilities."""

from __future__ import annotations

from onnx import ModelProto, helper

from fenqi.artifacts.graph.operators import ML


def without_zip_maps(model: ModelProto) -> ModelProto:
    """The model with each ZipMap's columns as they are, in the order of its labels; the model
    itself where it has none."""
    zips = [node for node in model.graph.node if (node.domain, node.op_type) == (ML, "ZipMap")]
    if not zips:
        return model
    plain = ModelProto()
    plain.CopyFrom(model)
    for node in plain.graph.node:
        if (node.domain, node.op_type) == (ML, "ZipMap"):
            passed = helper.make_node("Identity", node.input, node.output, node.name)
            node.CopyFrom(passed)
    zipped = {name for node in zips for name in node.output}
    for output in plain.graph.output:
        if output.name in zipped:
            # Whoever runs it finds type and shape.
            output.ClearField("type")
    if all(each.domain for each in plain.opset_import):
        plain.opset_import.add(domain="", version=13)
    return plain
