"""The commands of `fenqi model` with their options. The work is in fenqi.artifacts.

Exit codes: 0 nothing to say, 1 something is wrong or differs, 2 something cannot be read or made.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from fenqi.cli.readable import readable

app = typer.Typer(
    help="Pack, verify, sign and compare models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_Folder = Annotated[
    Path, typer.Argument(help="the artifact: models/<name>/<version>", show_default=False)
]
_Graph = Annotated[Path, typer.Argument(help="the exported ONNX file", show_default=False)]
_Data = Annotated[
    Path, typer.Option(help="CSV file with a heading: rows that the model was made for")
]
_Columns = Annotated[
    str, typer.Option(help="which columns feed the graph, in order: a,b,c [default: all others]")
]
_Predictions = Annotated[
    str,
    typer.Option(
        metavar="COLUMN", help="what the training library itself predicts of each row", prompt=False
    ),
]
_Target = Annotated[str, typer.Option(metavar="COLUMN", help="the outcome: 1 is default, 0 is not")]
_Trusted = Annotated[
    Path | None, typer.Option(help="public key, or folder of *.pub: one of them must have signed")
]
_Json = Annotated[bool, typer.Option("--json", help="print JSON, for other programs")]


@app.command()
def pack(
    onnx: _Graph,
    data: _Data,
    name: Annotated[str, typer.Option(help="small letters, digits and _")],
    version: Annotated[str, typer.Option(help="of the model")] = "1",
    predict: Annotated[
        str,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="a function that lets the training library predict: it is given the columns",
        ),
    ] = "",
    predictions: _Predictions = "",
    library: Annotated[
        str, typer.Option(help="which library predicted, with its version: lightgbm 4.7.0")
    ] = "",
    splits: Annotated[
        Path | None,
        typer.Option(help="CSV of `fenqi model splits`, with the library's predictions too"),
    ] = None,
    columns: _Columns = "",
    target: _Target = "",
    output: Annotated[str, typer.Option(help="the output to read [default: the likely one]")] = "",
    margin: Annotated[
        bool | None,
        typer.Option(
            "--margin/--probability",
            help="what the output is [default: probability if it has several columns or says so]",
            show_default=False,
        ),
    ] = None,
    default_class: Annotated[
        int, typer.Option("--class", min=0, help="which class, from 0, is default")
    ] = 1,
    calibrate: Annotated[
        Literal["none", "platt", "isotonic"],
        typer.Option(help="fit the probability to the outcomes; best on rows not trained on"),
    ] = "none",
    explain: Annotated[
        Literal["exact", "permutation", "none"],
        typer.Option(help="exact where the graph allows it, else none; or an estimate, or none"),
    ] = "exact",
    explanation_budget_us: Annotated[
        float, typer.Option(min=1, help="to explain one row, microseconds")
    ] = 1000,
    reference: Annotated[
        Literal["at_cutoff", "population", "maximum"],
        typer.Option(help="whom reasons compare with: the just approved, everybody, or the best"),
    ] = "at_cutoff",
    cutoff: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="highest probability of default approved [default: the median]"
        ),
    ] = None,
    base_score: Annotated[float, typer.Option(help="the score at --base-odds")] = 600,
    base_odds: Annotated[float, typer.Option(min=1e-6, help="good : bad")] = 50,
    points_to_double_odds: Annotated[float, typer.Option(min=1e-6)] = 20,
    tolerance: Annotated[
        float,
        typer.Option(min=1e-9, max=1e-3, help="how far the graph may be from the predictions"),
    ] = 1e-5,
    kind: Annotated[str, typer.Option(help="gradient boosting, scorecard, ...")] = "model",
    purpose: Annotated[str, typer.Option(help="what it is for")] = "Probability of default.",
    owner: Annotated[str, typer.Option(help="who answers for it")] = "not said",
    materiality: Annotated[
        Literal["low", "medium", "high"], typer.Option(help="tier of model risk")
    ] = "medium",
    expires: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="last day on which it may decide"),
    ] = None,
    latency_budget_us: Annotated[
        float, typer.Option(min=1, help="for one row, microseconds")
    ] = 100,
    models: Annotated[Path, typer.Option(help="where artifacts are")] = Path("models"),
) -> None:
    """Make an artifact of an exported model: golden rows, reference, parity, calibration, card.

    Refuses a graph that does not give what the training library predicted.
    """
    from fenqi.artifacts.manifest import ScoreScale
    from fenqi.artifacts.packing import Wishes
    from fenqi.artifacts.packing.predict import load_predict
    from fenqi.cli.model.pack import run

    with readable():
        run(
            onnx,
            data,
            models,
            Wishes(
                name=name,
                version=version,
                columns=columns.split(",") if columns else None,
                predict=load_predict(predict) if predict else None,
                predictions=predictions or None,
                splits=splits,
                library=library or None,
                target=target or None,
                output=output or None,
                is_margin=margin,
                default_class=default_class,
                calibrate=calibrate,
                explain=explain,
                explanation_budget_us=explanation_budget_us,
                reference=reference,
                cutoff=cutoff,
                score_scale=ScoreScale(
                    base_score=base_score,
                    base_odds=base_odds,
                    points_to_double_odds=points_to_double_odds,
                ),
                tolerance=tolerance,
                kind=kind,
                purpose=purpose,
                owner=owner,
                materiality=materiality,
                expires=expires.date() if expires is not None else None,
                latency_budget_us=latency_budget_us,
            ),
        )


@app.command()
def splits(
    onnx: _Graph,
    data: _Data,
    output: Annotated[Path, typer.Option("--output", "-o", help="the CSV file to write")],
    columns: _Columns = "",
    predictions: _Predictions = "",
    target: _Target = "",
) -> None:
    """Write rows on every value at which the trees split and one unit in the last place beside it.

    Let the training library predict them, and give the file to `pack --splits`.
    """
    from fenqi.artifacts.packing.split_sample import write_split_sample

    with readable():
        others = {name for name in (predictions, target) if name}
        chosen = columns.split(",") if columns else None
        rows = write_split_sample(onnx, data, chosen, others, output)
        if rows:
            print(f"{output}: {rows} rows")
        else:
            print(f"{onnx} has no trees that split a number of its inputs: nothing to predict")


@app.command()
def verify(
    folder: _Folder,
    trusted: _Trusted = None,
    strict: Annotated[bool, typer.Option("--strict", help="what is doubtful fails too")] = False,
    as_json: _Json = False,
) -> None:
    """Check an artifact: files, signature, expiry, golden rows, parity, latency."""
    from fenqi.cli.model.verify import run

    with readable():
        status = run(folder, trusted, strict, as_json)
    raise typer.Exit(status)


@app.command()
def show(folder: _Folder, as_json: _Json = False) -> None:
    """Show what a model takes and gives, which path serves it and why, and what is known of it."""
    from fenqi.cli.model.show import run

    with readable():
        run(folder, as_json)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="the artifact as it was", show_default=False)],
    new: Annotated[Path, typer.Argument(help="the artifact as it is to be", show_default=False)],
    as_json: _Json = False,
) -> None:
    """Say what differs between two artifacts, and how far scores move on their golden rows.

    Ends with status 0 where nothing differs, and 1 where something does.
    """
    from fenqi.cli.model.diff import run

    with readable():
        status = run(old, new, as_json)
    raise typer.Exit(status)


@app.command()
def keys(
    file: Annotated[
        Path, typer.Argument(help="where the private key goes; FILE.pub is the public one")
    ],
) -> None:
    """Make a pair of Ed25519 keys. The private one signs; servers are told to trust the other."""
    from fenqi.artifacts.signature import make_keys

    with readable():
        print(f"{file} signs: keep it secret. {make_keys(file)} is for those who are to trust it.")


@app.command()
def sign(
    folder: _Folder,
    key: Annotated[Path, typer.Option(help="private key, from `fenqi model keys`")],
) -> None:
    """Vouch for an artifact: sign the hashes of all its files."""
    from fenqi.artifacts import load_artifact
    from fenqi.artifacts.signature import sign

    with readable():
        (folder / "signature.json").unlink(missing_ok=True)
        artifact = load_artifact(folder)
        signature = sign(folder, artifact.manifest, artifact.digest, key)
        print(f"{folder} is signed with the key {signature.public_key[:16]}...")


@app.command()
def schema() -> None:
    """Print the JSON Schema of manifests, for editors."""
    from fenqi.artifacts.manifest_schema import manifest_schema_text

    print(manifest_schema_text(), end="")
