"""`fenqi model pack`: makes an artifact and says what there is to know of it."""

from __future__ import annotations

from pathlib import Path

from fenqi.artifacts.packing import Wishes, pack

_COMPARED = {
    "at_cutoff": "applicants of the sample who are just approved",
    "population": "applicants of the sample",
    "maximum": "applicant with the best score",
}


def run(onnx: Path, data: Path, models: Path, wishes: Wishes) -> None:
    """Raises ArtifactError where nothing is packed."""
    packed = pack(onnx, data, models, wishes)
    artifact = packed.artifact
    parity, outputs = artifact.parity, artifact.manifest.outputs
    what = "margin" if outputs.margin is not None else f"probability of class {outputs.class_}"
    print(f"{artifact.folder} is packed: {what} from the output {outputs.result}")
    for one in parity.comparisons:
        print(one.sentence)
    print(f"explanation: {packed.explanation}")
    if artifact.manifest.explanation.method != "none":
        rows = len(artifact.reference.rows)
        print(f"reasons compare with {rows} {_COMPARED[artifact.manifest.explanation.reference]}")
    for note in packed.notes:
        print(f"note: {note}")
    print(
        f"Columns are read from features of the same names: {artifact.folder / 'manifest.yaml'} "
        "has room for others, for units, reasons and directions."
    )
