"""grpcio asyncio + protobuf + onnxruntime: the same model, features, rules and reasons.

    python -m bench.baseline.server --port 50051 --cpu 0

Written as a careful Python service would be: one onnxruntime session with one thread, NumPy only
where it pays, protobuf's C implementation, no work that the answer does not need.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnxruntime
from ruamel.yaml import YAML

from bench.baseline.features import features
from bench.baseline.rules import RULES, hits
from fenqi.artifacts import load_artifact
from fenqi.v1 import scoring_pb2, scoring_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]
MOST_REASONS = 4
# Columns of two features that a rule reads too.
WORST_STATUS, CONSECUTIVE_LATE = 24, 31

_DECISION_OF_ACTION = {
    scoring_pb2.RULE_ACTION_FLAG: scoring_pb2.DECISION_APPROVE,
    scoring_pb2.RULE_ACTION_REFER: scoring_pb2.DECISION_REFER,
    scoring_pb2.RULE_ACTION_DECLINE: scoring_pb2.DECISION_DECLINE,
}
_DIMENSIONS = {
    "ability": scoring_pb2.DIMENSION_ABILITY,
    "willingness": scoring_pb2.DIMENSION_WILLINGNESS,
}


def _read_policy(path: Path) -> dict[str, Any]:
    """The policy with the reasons of the files that it includes."""
    policy: dict[str, Any] = YAML(typ="safe").load(path.read_text())
    for name in policy.get("include", []):
        included = YAML(typ="safe").load((path.parent / name).read_text())
        policy["reasons"] |= included.get("reasons", {})
    return policy


class Scorer:
    """From a request to a response."""

    def __init__(self) -> None:
        policy = _read_policy(ROOT / "policies" / "taiwan_card.yaml")
        artifact = load_artifact(ROOT / "models" / policy["models"]["default_risk"]["artifact"])
        self._manifest = artifact.manifest
        self._base_margin = artifact.reference.margin
        self._cutoffs = policy["cutoffs"]
        self._texts = policy["reasons"]
        self._reasons = list(policy["reasons"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # The same trees, with what each column adds to the margin beside it in their leaves: the
        # baseline does not pay for an explainer.
        explained = Path(__file__).with_name("explained_model.onnx").read_bytes()
        self._session = onnxruntime.InferenceSession(explained, options)
        columns = artifact.manifest.columns
        self._group = np.array([self._reasons.index(c.reason or "") for c in columns])
        self._of_dimension = {
            name: np.array([c.dimension == name for c in columns]) for name in _DIMENSIONS
        }
        self._release = scoring_pb2.Release(
            policy=policy["policy"], policy_version=policy["version"]
        )

    def score(self, request: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        """Decides one application."""
        values = features(request.application)
        row = np.array([values], dtype=np.float32)
        margin, contributions = self._session.run(None, {self._manifest.inputs[0].name: row})
        log_odds = self._log_odds(float(margin[0, 0]))
        probability = 1 / (1 + math.exp(-log_odds))
        fired = hits(
            request.application, values[CONSECUTIVE_LATE], values[WORST_STATUS], probability
        )
        by_cutoff = self._by_cutoff(probability)
        decision = max([by_cutoff, *(_DECISION_OF_ACTION[RULES[rule][0]] for rule in fired)])
        response = scoring_pb2.ScoreResponse(
            request_id=request.request_id,
            decision=decision,
            score=self._score(log_odds),
            probability_of_default=probability,
            release=self._release,
        )
        for name, mask in self._of_dimension.items():
            part = self._base_margin + float(contributions[0][mask].sum())
            response.sub_scores.add(
                dimension=_DIMENSIONS[name], score=self._score(self._log_odds(part))
            )
        for rule in fired:
            action, reason = RULES[rule]
            response.rule_hits.add(
                rule_id=rule,
                action=action,
                cause=scoring_pb2.RULE_CAUSE_TRUE,
                reason_code=reason,
            )
        if decision != scoring_pb2.DECISION_APPROVE:
            for code in self._explain(decision, fired, by_cutoff, contributions[0]):
                texts = self._texts[code]
                response.reasons.add(code=code, text_en=texts["en"], text_zh=texts["zh"])
        return response

    def _log_odds(self, margin: float) -> float:
        calibration = self._manifest.calibration
        return -(calibration.a * margin + calibration.b)

    def _score(self, log_odds: float) -> float:
        scale = self._manifest.score_scale
        return scale.offset - scale.factor * log_odds

    def _by_cutoff(self, probability: float) -> int:
        if probability <= self._cutoffs["approve_at_most"]:
            return scoring_pb2.DECISION_APPROVE
        if probability <= self._cutoffs["refer_at_most"]:
            return scoring_pb2.DECISION_REFER
        return scoring_pb2.DECISION_DECLINE

    def _explain(
        self, decision: int, fired: list[str], by_cutoff: int, contributions: np.ndarray
    ) -> list[str]:
        codes: list[str] = []
        for rule in fired:
            action, reason = RULES[rule]
            if _DECISION_OF_ACTION[action] == decision and reason and reason not in codes:
                codes.append(reason)
        if by_cutoff == decision:
            by_reason = np.bincount(self._group, contributions, len(self._reasons))
            for index in np.argsort(-by_reason, kind="stable"):
                if by_reason[index] <= 0 or len(codes) >= MOST_REASONS:
                    break
                if self._reasons[index] not in codes:
                    codes.append(self._reasons[index])
        return codes[:MOST_REASONS]


class Scoring(scoring_pb2_grpc.ScoringServicer):
    """The service over a scorer."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    async def Score(
        self, request: scoring_pb2.ScoreRequest, context: grpc.aio.ServicerContext
    ) -> scoring_pb2.ScoreResponse:
        return self._scorer.score(request)


async def serve(port: int) -> None:
    server = grpc.aio.server()
    scoring_pb2_grpc.add_ScoringServicer_to_server(Scoring(Scorer()), server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    print(f"listening on 127.0.0.1:{bound}", flush=True)
    await server.wait_for_termination()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cpu", type=int)
    arguments = parser.parse_args()
    if arguments.cpu is not None:
        os.sched_setaffinity(0, {arguments.cpu})
    asyncio.run(serve(arguments.port))


if __name__ == "__main__":
    main()
