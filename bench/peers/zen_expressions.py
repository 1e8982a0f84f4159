"""zen-engine: compiled expressions, and a graph of one decision table. It takes a whole application
as JSON text sooner than as a dict, and a few variables as a dict.
"""

import json
from typing import Any

import zen
from worker import Case, by_position, concluded, serve


def compile_job(job: dict[str, Any]) -> dict[str, Case]:
    rule, table = job["rule"], job["table"]
    graph = zen.ZenEngine().create_decision(json.dumps(table["zen"]))
    tables = by_position(
        [json.dumps(given) for given in table["applications"]],
        graph.evaluate,
        lambda answer: answer["result"]["outcome"],
    )
    return {
        "rule": Case(rule["variables"], zen.compile_expression(rule["zen"]).evaluate),
        "strategy": strategy(job["strategy"]),
        **tables,
    }


def strategy(job: dict[str, Any]) -> Case:
    form = job["zen"]
    first_names, second_names = ([name for name, _ in form[level]] for level in ("first", "second"))
    first, second = (listed(text for _, text in form[level]) for level in ("first", "second"))
    rules = listed(form["rules"])
    tables = [
        (name, [zen.compile_expression(text) for text in chains]) for name, chains in form["tables"]
    ]
    score = second_names.index("score")
    read = {
        name: [feature for feature in first_names if feature in chains[0]]
        for name, chains in form["tables"]
    }

    def decide(given: Any) -> Any:
        application, text = given
        features = dict(zip(first_names, first.evaluate(text), strict=True))
        values = second.evaluate(application | features)
        features.update(zip(second_names, values, strict=True))
        outcomes = []
        for name, chains in tables:
            inputs = {feature: features[feature] for feature in read[name]}
            for chain in chains:
                if outcome := chain.evaluate(inputs):
                    break
            features[name] = outcome
            outcomes.append(outcome)
        fired = rules.evaluate(features)
        return concluded(job, float(values[score]), fired, outcomes)

    return Case([(given, json.dumps(given)) for given in job["applications"]], decide)


def listed(texts: Any) -> Any:
    return zen.compile_expression(f"[{', '.join(texts)}]")


serve(compile_job)
