"""Google's cel-cpp, through cel-expr-python. Variables have the types that the contract gives
them where they are features; fields come in maps, made into an activation beforehand.
"""

from typing import Any

from cel_expr_python import cel
from worker import Case, concluded, serve

MESSAGE = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
TYPES = {
    "bool": cel.Type.BOOL,
    "int": cel.Type.INT,
    "double": cel.Type.DOUBLE,
    "string": cel.Type.STRING,
}


def compile_job(job: dict[str, Any]) -> dict[str, Case]:
    rule = job["rule"]
    # Numbers, all of them.
    env = cel.NewEnv(variables=dict.fromkeys(rule["variables"][0], cel.Type.INT))
    expression = env.compile(rule["cel"])
    activations = [env.Activation(given) for given in rule["variables"]]
    return {
        "rule": Case(activations, expression.eval, lambda value: value.value()),
        "strategy": strategy(job["strategy"]),
    }


def strategy(job: dict[str, Any]) -> Case:
    form = job["cel"]
    variables = dict.fromkeys(job["applications"][0], MESSAGE)
    types = {name: TYPES[kind] for name, kind in form["types"].items()}
    first_names, second_names = ([name for name, _ in form[level]] for level in ("first", "second"))
    later = {name: types.get(name, cel.Type.DOUBLE) for name in second_names}
    later |= {name: cel.Type.STRING for name, _ in form["tables"]}
    env_of_first = cel.NewEnv(variables=variables)
    env_of_second = cel.NewEnv(variables={**variables, **{n: types[n] for n in first_names}})
    env_of_rules = cel.NewEnv(variables={**{n: types[n] for n in first_names}, **later})
    first = listed(env_of_first, (text for _, text in form["first"]))
    second = listed(env_of_second, (text for _, text in form["second"]))
    tables = [(name, [env_of_second.compile(text) for text in t]) for name, t in form["tables"]]
    rules = listed(env_of_rules, form["rules"])
    score = second_names.index("score")

    def decide(given: Any) -> Any:
        application, activation = given
        features = dict(zip(first_names, first.eval(activation).plain_value(), strict=True))
        activation = env_of_second.Activation(application | features)
        values = second.eval(activation).plain_value()
        features.update(zip(second_names, values, strict=True))
        outcomes = []
        for name, chains in tables:
            for chain in chains:
                if outcome := chain.eval(activation).value():
                    break
            features[name] = outcome
            outcomes.append(outcome)
        fired = rules.eval(env_of_rules.Activation(features)).plain_value()
        return concluded(job, values[score], fired, outcomes)

    applications = job["applications"]
    return Case([(a, env_of_first.Activation(a)) for a in applications], decide)


def listed(env: Any, texts: Any) -> Any:
    return env.compile(f"[{', '.join(texts)}]")


serve(compile_job)
