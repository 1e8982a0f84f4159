"""The engine in this process, for notebooks and tests: no network, the same answers.

engine = Engine.from_policy("policies/taiwan_card.yaml")
answer = engine.score({"loan": {"amount_fen": 500_000, "term_months": 12}})
print(answer.decision, [reason.text_en for reason in answer.reasons])
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from fenqi import _native
from fenqi.artifacts.expiry import expired
from fenqi.bundled import onnxruntime_library
from fenqi.deployment import (
    Deployment,
    LoadedRelease,
    Readiness,
    StageLatency,
    Traffic,
    traffic_of,
)
from fenqi.errors import (
    CallError,
    ConfigurationError,
    FieldViolation,
    call_error,
    from_native,
)
from fenqi.internal.v1.release_image_pb2 import ReleaseImage
from fenqi.policy import compile_policy
from fenqi.requests import Scorable, request_bytes, request_message
from fenqi.v1.quote_pb2 import (
    AnnualRateRequest,
    AnnualRateResponse,
    QuoteRequest,
    QuoteResponse,
    ScheduleRequest,
    ScheduleResponse,
)
from fenqi.v1.scoring_pb2 import (
    ModelVersion,
    Release,
    ScoreBatchRequest,
    ScoreBatchResponse,
    ScoreResponse,
)


class Engine:
    """Answers requests with what was deployed last.

    Calls may come from any thread; they take turns. Calls release the GIL while C++ works.
    """

    def __init__(self, acknowledgement_key: bytes = b"") -> None:
        """`acknowledgement_key`: 32 to 64 secret bytes that sign acknowledgements of quotes and
        check them; without it quotes have no token. Raises ConfigurationError for another length.
        """
        try:
            self.native = _native.Engine(acknowledgement_key)
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        self._quoter = _native.Quoter(self.native)
        self._deployment: Deployment | None = None
        self._deploying = threading.Lock()

    @classmethod
    def from_policy(
        cls,
        path: str | Path,
        models: str | Path | None = None,
        *,
        acknowledgement_key: bytes = b"",
    ) -> Engine:
        """An engine that answers with the policy at `path`.

        `models`: the folder of model packages, `<name>/<version>/`; by default `models` beside the
        policy's folder. `acknowledgement_key`: as `Engine` takes it.
        Raises ConfigurationError where there is no such file or a model has expired, PolicyError
        where it does not compile, CallError where the core refuses the result.
        """
        try:
            compiled = compile_policy(path, models)
        except OSError as error:
            raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
        past = expired(compiled.expires)
        if past:
            raise ConfigurationError(f"{path}: {'; '.join(past)}, so it may not decide any more")
        engine = cls(acknowledgement_key)
        engine.publish(compiled.image)
        return engine

    def load(self, image: bytes) -> LoadedRelease:
        """A release from a serialized ReleaseImage, not published; whatever works is undisturbed.

        Raises CallError where the core refuses it, with the reason.
        """
        with_models = ReleaseImage.FromString(image)
        needed = any(model.onnx for model in with_models.models)
        library = str(onnxruntime_library()) if needed else ""
        try:
            native = self.native.load(image, library)
        except _native.StatusError as error:
            raise from_native(error) from None
        return LoadedRelease(native, _describe(with_models))

    def prepare(
        self, release: LoadedRelease, requests: Sequence[bytes], latency_budget_us: float
    ) -> Readiness:
        """Tries a release on golden requests (serialized ScoreRequests), on a thread of low
        priority: ready where none fails and 99 of 100 take at most the budget. They also warm the
        memory of every deployment from now on."""
        return Readiness(*self.native.prepare(release.native, requests, latency_budget_us))

    def deploy(self, deployment: Deployment) -> None:
        """Answers with this from the next request on; requests in flight finish as they began.

        Returns when every thread that answers has memory, made and warmed, for the deployment; no
        request waits for that. A release that keeps its role keeps its traffic's counts. Raises
        CallError, and changes nothing, where that is impossible.
        """
        canary = deployment.canary
        with self._deploying:
            try:
                self.native.deploy(
                    deployment.champion.native,
                    None if canary is None else (canary.release.native, canary.share, canary.salt),
                    [shadow.native for shadow in deployment.shadows],
                )
            except _native.StatusError as error:
                raise from_native(error) from None
            self._deployment = deployment

    def publish(self, image: bytes) -> None:
        """Loads this image and deploys it as the only champion."""
        self.deploy(Deployment(self.load(image)))

    @property
    def deployment(self) -> Deployment | None:
        """What answers; None before the first deployment."""
        return self._deployment

    @property
    def release(self) -> Release:
        """The champion: policy, models and content hash; empty before the first deployment."""
        deployment = self._deployment
        return Release() if deployment is None else deployment.champion.description

    def traffic(self) -> Traffic | None:
        """What became of the deployment's traffic, by role; None before the first deployment."""
        figures = self.native.traffic()
        return None if figures is None else traffic_of(figures)

    def score(self, scorable: Scorable) -> ScoreResponse:
        """The decision on one application or request. Raises CallError."""
        return ScoreResponse.FromString(self.score_bytes(request_bytes(scorable)))

    def score_bytes(self, request: bytes) -> bytes:
        """A serialized ScoreRequest to a serialized ScoreResponse. Raises CallError."""
        return _answered(self.native.score, request)

    def score_batch(self, scorables: Sequence[Scorable]) -> list[ScoreResponse | CallError]:
        """One answer each, in order; a request that failed has its error in its place."""
        batch = ScoreBatchRequest(requests=[request_message(scorable) for scorable in scorables])
        answers = ScoreBatchResponse.FromString(self.score_batch_bytes(batch.SerializeToString()))
        return batch_results(answers)

    def score_batch_bytes(self, batch: bytes) -> bytes:
        """A serialized ScoreBatchRequest to a ScoreBatchResponse. Raises CallError."""
        return _answered(self.native.score_batch, batch)

    def quote(self, request: QuoteRequest) -> QuoteResponse:
        """A loan, priced and disclosed, with the token for its drawdown. Raises CallError."""
        return QuoteResponse.FromString(self.quote_bytes(request.SerializeToString()))

    def schedule(self, request: ScheduleRequest) -> ScheduleResponse:
        """The plan of a loan. Raises CallError."""
        return ScheduleResponse.FromString(self.schedule_bytes(request.SerializeToString()))

    def annual_rate(self, request: AnnualRateRequest) -> AnnualRateResponse:
        """The yearly rate of a cash flow, by each method. Raises CallError."""
        return AnnualRateResponse.FromString(self.annual_rate_bytes(request.SerializeToString()))

    def quote_bytes(self, request: bytes) -> bytes:
        """A serialized QuoteRequest to a QuoteResponse. Raises CallError."""
        return _answered(self._quoter.quote, request)

    def schedule_bytes(self, request: bytes) -> bytes:
        """A serialized ScheduleRequest to a ScheduleResponse. Raises CallError."""
        return _answered(self._quoter.schedule, request)

    def annual_rate_bytes(self, request: bytes) -> bytes:
        """A serialized AnnualRateRequest to an AnnualRateResponse. Raises CallError."""
        return _answered(self._quoter.annual_rate, request)

    def trace(self, scorable: Scorable) -> dict[str, object]:
        """What was worked out on the way: None where missing, a ValueError object where it failed.

        Features by their names, first; then `table x.row`, `table x.<output>`,
        `scorecard x.<attribute> bin` and `... points`, `<slot>.score`, `segment` (its index),
        `rule X` and `rule X cap`.
        """
        try:
            return self.native.trace(request_bytes(scorable))
        except _native.StatusError as error:
            raise from_native(error) from None

    def latency(self) -> dict[str, StageLatency]:
        """Microseconds by stage (read, program, model, reasons, write, total) since the start."""
        return self.native.latency()


def _answered(method: Callable[[bytes], bytes], request: bytes) -> bytes:
    try:
        return method(request)
    except _native.StatusError as error:
        raise from_native(error) from None


def batch_results(answers: ScoreBatchResponse) -> list[ScoreResponse | CallError]:
    """The answers of a batch, errors as exception objects in their places."""
    results: list[ScoreResponse | CallError] = []
    for result in answers.results:
        if result.HasField("error"):
            error = result.error
            what = error.message.removeprefix(f"{error.field}: ")
            fields = [FieldViolation(error.field, what)] if error.field else []
            results.append(call_error(error.code, error.message, fields))
        else:
            results.append(result.response)
    return results


def _describe(image: ReleaseImage) -> Release:
    return Release(
        policy=image.policy,
        policy_version=image.policy_version,
        content_hash=image.content_hash,
        models=[
            ModelVersion(slot=model.slot, name=model.name, version=model.version)
            for model in image.models
        ],
    )
