"""What the admin service answers, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fenqi.deployment import DECISIONS
from fenqi.v1 import admin_pb2
from fenqi.v1.scoring_pb2 import Release

# Of the columns that moved, so many are named.
_MOST_COLUMNS = 5


def status(answer: admin_pb2.ListResponse) -> RenderableType:
    """What answers, and what waits for somebody."""
    parts: list[RenderableType] = [deployment(answer.deployment)]
    if answer.HasField("pending"):
        parts.append(pending(answer.pending))
    return Group(*parts)


def deployment(one: admin_pb2.Deployment) -> RenderableType:
    table = _table("role", "share", "release", "policy", "models")
    canary_share = one.canary.share if one.HasField("canary") else 0.0
    _release_row(table, "champion", f"{1 - canary_share:.4g}", one.champion)
    if one.HasField("canary"):
        _release_row(table, "canary", f"{one.canary.share:.4g}", one.canary.release)
    for shadow in one.shadows:
        _release_row(table, "shadow", "-", shadow)
    title = Text(f"deployment {one.number}", style="bold")
    title.append(f", {_moment(one.at)} by {one.who}", style="")
    if one.why:
        title.append(f": {one.why}")
    warnings = [Text(warning, style="yellow") for warning in one.warnings]
    return Group(title, table, *warnings)


def pending(one: admin_pb2.PendingApproval) -> Text:
    return Text(
        f"waits for a second approver until {one.until}: {_named(one.release)}, asked for by "
        f"{one.who}{': ' + one.why if one.why else ''}",
        style="yellow",
    )


def listed(answer: admin_pb2.ListResponse) -> RenderableType:
    releases = _table("release", "policy", "role", "staged", "by", "models")
    for one in answer.releases:
        release = one.release
        releases.add_row(
            release.content_hash[:12],
            f"{release.policy} {release.policy_version}",
            ", ".join(one.roles) or "-",
            _moment(one.staged_at),
            one.staged_by,
            _models(release),
        )
    packages = _table("model package", "purpose or fault")
    for package in answer.packages:
        fault = Text(package.fault, style="red")
        packages.add_row(package.name, fault if package.fault else Text(package.purpose))
    return Group(status(answer), "", releases, "", packages)


def described(answer: admin_pb2.DescribeResponse) -> RenderableType:
    one = answer.release
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    table.add_row("release", one.release.content_hash)
    table.add_row("policy", f"{one.release.policy} {one.release.policy_version}")
    table.add_row("file", one.policy_file)
    for model in one.release.models:
        other = " (not what the policy says)" if model.slot in answer.bindings else ""
        table.add_row(f"slot {model.slot}", f"{model.name}/{model.version}{other}")
    table.add_row("role", ", ".join(one.roles) or "-")
    table.add_row("staged", f"{one.staged_at} by {one.staged_by}")
    table.add_row("golden requests", str(answer.golden_requests))
    table.add_row("from the champion", "\n".join(answer.differences) or "no difference")
    return table


def staged(answer: admin_pb2.StageResponse, dry_run: bool) -> RenderableType:
    parts: list[RenderableType] = [
        Text(f"{'would stage' if dry_run else 'staged'} {_named(answer.release)}"),
        readiness(answer.readiness),
    ]
    parts += [Text(warning, style="yellow") for warning in answer.warnings]
    return Group(*parts)


def changed(answer: admin_pb2.ChangeResponse, dry_run: bool) -> RenderableType:
    parts: list[RenderableType] = []
    if answer.HasField("pending"):
        parts.append(pending(answer.pending))
    else:
        parts.append(Text(f"{'would be: ' if dry_run else ''}{answer.what}"))
    if answer.HasField("readiness"):
        parts.append(readiness(answer.readiness))
    parts.append(deployment(answer.deployment))
    return Group(*parts)


def readiness(one: admin_pb2.Readiness) -> Text:
    figures = (
        f"{one.requests} calls, {one.failed} failed, p50 {one.p50_us:.0f} us, "
        f"p99 {one.p99_us:.0f} us of {one.budget_us:.0f} us"
    )
    if one.ready:
        return Text(f"ready: {figures}", style="green")
    return Text(f"not ready: {one.why} ({figures})", style="red")


def history(answer: admin_pb2.HistoryResponse) -> RenderableType:
    damages = [Text(f"damaged: {damage}", style="bold red") for damage in answer.damages]
    return Group(*(event_line(one) for one in answer.events), *damages)


def event_line(one: admin_pb2.Event) -> Text:
    """When, what and which deployment it made; below, who and why."""
    style = {"guard": "bold red", "refused": "red", "history_damaged": "bold red"}.get(one.kind, "")
    line = Text(f"{_moment(one.at)} ")
    line.append(one.kind, style=style or "bold")
    if one.deployment:
        line.append(f", deployment {one.deployment}")
    line.append(f": {one.what}\n    by {one.who}")
    if one.why:
        line.append(f": {one.why}")
    return line


def traffic(answer: admin_pb2.TrafficResponse) -> RenderableType:
    """A column for each release; a terminal is narrow."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for one in answer.releases:
        table.add_column(f"{one.role}\n{one.release.content_hash[:12]}", justify="right")
    slots = sorted({score.slot for one in answer.releases for score in one.scores})
    rows: dict[str, list[str]] = {}
    for one in answer.releases:
        figures = {
            "requests": f"{one.requests:,}",
            "failed": "\n".join(f"{n:,} {code}" for code, n in one.errors.items()) or "0",
            **{name: f"{one.decisions[name]:,}" for name in DECISIONS},
            "p50 us": f"{one.p50_us:,.0f}",
            "p99 us": f"{one.p99_us:,.0f}",
            "p99.9 us": f"{one.p999_us:,.0f}",
            "max us": f"{one.max_us:,.0f}",
            **{f"PSI of {slot}": _psi(one.scores, slot) for slot in slots},
        }
        for name, figure in figures.items():
            rows.setdefault(name, []).append(figure)
    for name, row in rows.items():
        table.add_row(name, *row)
    parts: list[RenderableType] = [Text(f"deployment {answer.deployment}", style="bold"), table]
    parts += [moved for one in answer.releases for moved in _moved(one)]
    for one in answer.releases:
        if one.HasField("comparison"):
            parts += ["", *_comparison(one)]
    return Group(*parts)


def _psi(scores: Iterable[admin_pb2.ScoreDistribution], slot: str) -> str:
    """Of the scores in a slot, with what chance alone stays below."""
    for score in scores:
        if score.slot == slot and score.drift.requests:
            return f"{score.drift.psi:.3f}\n(noise {score.drift.noise_bound:.3f})"
    return "-"


def _moved(one: admin_pb2.ReleaseTraffic) -> Iterator[Text]:
    """The columns that moved most, where some did beyond what chance explains."""
    moved = [column for column in one.columns if column.drift.psi > column.drift.noise_bound]
    moved.sort(key=lambda column: column.drift.psi, reverse=True)
    if moved:
        most = ", ".join(
            f"{column.column} {column.drift.psi:.3f} (noise {column.drift.noise_bound:.3f})"
            for column in moved[:_MOST_COLUMNS]
        )
        told = f"{len(moved)} of {len(one.columns)} columns moved beyond chance, most: {most}"
        yield Text(f"\n{one.role} {one.release.content_hash[:12]}: {told}")


def _comparison(one: admin_pb2.ReleaseTraffic) -> Iterator[RenderableType]:
    seen = one.comparison
    agreed = f"{seen.agreed / seen.compared:.2%}" if seen.compared else "-"
    yield Text(
        f"{one.role} {one.release.content_hash[:12]} beside the champion: {seen.compared:,} "
        f"compared, {agreed} agreed, {seen.missed:,} missed, probability of default apart by "
        f"{seen.mean_difference:.4f} on average"
    )
    table = _table("champion \\ " + one.role, *DECISIONS)
    width = len(DECISIONS)
    for row, name in enumerate(DECISIONS):
        counts = seen.swaps[row * width : (row + 1) * width]
        cells = [
            Text(f"{count:,}", style="" if column == row or not count else "bold yellow")
            for column, count in enumerate(counts)
        ]
        table.add_row(name, *cells)
    yield table


def _release_row(table: Table, role: str, share: str, release: Release) -> None:
    policy = f"{release.policy} {release.policy_version}"
    table.add_row(role, share, release.content_hash[:12], policy, _models(release))


def _models(release: Release) -> str:
    filled = [f"{model.slot}: {model.name}/{model.version}" for model in release.models]
    return ", ".join(filled) or "-"


def _named(release: Release) -> str:
    return f"{release.policy} {release.policy_version} ({release.content_hash[:12]})"


def _moment(at: str) -> str:
    """To the second; UTC."""
    return at[:19].replace("T", " ") + "Z"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
