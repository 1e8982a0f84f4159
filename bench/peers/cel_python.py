"""cel-python: CEL interpreted in Python. Values are in its own types beforehand."""

from typing import Any

import celpy
from worker import Case, concluded, serve


def compile_job(job: dict[str, Any]) -> dict[str, Case]:
    rule = job["rule"]
    return {
        "rule": Case(
            [celpy.json_to_cel(given) for given in rule["variables"]],
            program(rule["cel"]).evaluate,
            bool,
        ),
        "strategy": strategy(job["strategy"]),
    }


def program(text: str) -> Any:
    environment = celpy.Environment()
    return environment.program(environment.compile(text))


def strategy(job: dict[str, Any]) -> Case:
    form = job["cel"]
    first, second = (
        [(name, program(text)) for name, text in form[level]] for level in ("first", "second")
    )
    rules = [program(text) for text in form["rules"]]
    tables = [(name, [program(text) for text in chains]) for name, chains in form["tables"]]

    def decide(application: Any) -> Any:
        values = dict(application)
        values.update({name: expression.evaluate(values) for name, expression in first})
        values.update({name: expression.evaluate(values) for name, expression in second})
        outcomes = []
        for name, chains in tables:
            for chain in chains:
                if outcome := chain.evaluate(values):
                    break
            values[name] = outcome
            outcomes.append(str(outcome))
        fired = [expression.evaluate(values) for expression in rules]
        return concluded(job, float(values["score"]), fired, outcomes)

    # One decision takes most of a second.
    few = job["applications"][:2]
    return Case([celpy.json_to_cel(given) for given in few], decide)


serve(compile_job)
