"""The Rust CEL crate, through common-expression-language. Variables stay in contexts."""

from typing import Any

import cel
from worker import Case, concluded, serve


def compile_job(job: dict[str, Any]) -> dict[str, Case]:
    rule = job["rule"]
    cases = {
        "rule": Case(
            [cel.Context(variables=given) for given in rule["variables"]],
            cel.compile(rule["cel"]).execute,
        )
    }
    cases["strategy"] = strategy(job["strategy"])
    return cases


def strategy(job: dict[str, Any]) -> Case:
    form = job["cel"]
    first_names, second_names = ([name for name, _ in form[level]] for level in ("first", "second"))
    first, second = (listed(text for _, text in form[level]) for level in ("first", "second"))
    rules = listed(form["rules"])
    tables = [(name, [cel.compile(text) for text in chains]) for name, chains in form["tables"]]
    score = second_names.index("score")

    def decide(context: Any) -> Any:
        context.update(dict(zip(first_names, first.execute(context), strict=True)))
        values = second.execute(context)
        named = dict(zip(second_names, values, strict=True))
        outcomes = []
        for name, chains in tables:
            for chain in chains:
                if outcome := chain.execute(context):
                    break
            named[name] = outcome
            outcomes.append(outcome)
        context.update(named)
        return concluded(job, values[score], rules.execute(context), outcomes)

    return Case([cel.Context(variables=given) for given in job["applications"]], decide)


def listed(texts: Any) -> Any:
    return cel.compile(f"[{', '.join(texts)}]")


serve(compile_job)
