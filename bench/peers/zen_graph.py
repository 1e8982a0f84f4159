"""zen-engine: the strategy as a decision graph. It takes an application as JSON text sooner than as
a dict.
"""

import json
from typing import Any

import zen
from worker import Case, concluded, serve


def compile_job(job: dict[str, Any]) -> dict[str, Case]:
    question = job["strategy"]
    graph = zen.ZenEngine().create_decision(json.dumps(question["zen_graph"]))

    def decide(application: str) -> Any:
        result = graph.evaluate(application)["result"]
        return concluded(question, float(result["score"]), result["rules"], result["outcomes"])

    return {"strategy": Case([json.dumps(given) for given in question["applications"]], decide)}


serve(compile_job)
