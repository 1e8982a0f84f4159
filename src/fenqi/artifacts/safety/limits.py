"""What an ONNX file may hold at most (docs/artifacts.md). Far above any model of tabular data."""

# The file. A forest of 3,000 trees of 127 leaves has 30 MiB.
MOST_BYTES = 256 * 2**20
# Messages in the file (nodes, attributes, tensors, ...), and how deep one stands in another.
MOST_MESSAGES = 200_000
MOST_DEPTH = 32
# Texts in the file; names of nodes and values, in bytes.
MOST_STRINGS = 4_000_000
LONGEST_NAME = 1_000
# Nodes, with those of subgraphs, and of functions once for each call.
MOST_NODES = 20_000
# A function in a function; a branch in a branch.
MOST_CALLS = 32
MOST_SUBGRAPHS = 4
# Numbers in a tensor, stored, declared or inferred for one row.
MOST_ELEMENTS = 2**26
# From a tree's root to a leaf: onnxruntime descends by recursion.
MOST_LEVELS = 2_000
# Nodes of an ensemble, those that several share once for each.
MOST_TREE_NODES = 8_000_000


class UnsafeGraph(ValueError):
    """A file that is refused; the message says what is wrong with it."""
