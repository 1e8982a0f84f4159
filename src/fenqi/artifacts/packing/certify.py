"""Writes the parity certificate of an artifact that is being packed."""

from __future__ import annotations

from fenqi import __version__
from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.parity import Comparison, ParityCertificate, Verdict
from fenqi.artifacts.trial import Trial


def certificate_of(
    trial: Trial, library: str | None, by_library: list[Comparison], tolerance: float
) -> ParityCertificate:
    """`library`: who predicted, with its version, None where nobody did; `by_library`: how far the
    graph is from it.

    Raises ArtifactError where two paths differ by more than `tolerance`.
    """
    comparisons = by_library + [one for one in trial.comparisons if one.between[1] == "native"]
    for one in comparisons:
        if one.largest > tolerance and not one.on_split:
            raise ArtifactError(
                f"{one.between[0]} and {one.between[1]} differ by {one.largest:.3g} on "
                f"{one.rows} row {one.at}; allowed is {tolerance:g}"
            )
    verdict: Verdict = "equal"
    if library is None:
        verdict = "the training library was not compared"
    elif any(one.on_split for one in comparisons):
        verdict = "equal but exactly on splits"
    return ParityCertificate(
        library=library,
        onnxruntime=trial.onnxruntime,
        native=f"fenqi {__version__}" if trial.path == "native" else None,
        why_not_native=trial.why_not_native,
        comparisons=comparisons,
        split_values=trial.split_values,
        split_values_not_tried=trial.split_values_not_tried,
        tolerance=tolerance,
        verdict=verdict,
    )
