"""Generated Python functions: no engine, but what one competes with."""

from typing import Any

from worker import Case, by_position, serve


def compile_job(job: dict[str, Any]) -> dict[str, Case]:
    table = job["table"]
    return {
        "rule": Case(job["rule"]["variables"], function(job["rule"])),
        "strategy": Case(job["strategy"]["applications"], function(job["strategy"])),
        **by_position(table["applications"], function(table)),
    }


def function(question: dict[str, Any]) -> Any:
    scope: dict[str, Any] = {}
    exec(compile(question["python"], "<generated>", "exec"), scope)
    return scope["decide"]


serve(compile_job)
