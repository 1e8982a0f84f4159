"""What the book of a policy says, chapter by chapter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fenqi.policy.book.blocks import (
    Block,
    Book,
    Chapter,
    Flow,
    Grid,
    Heading,
    Paragraph,
    Station,
)
from fenqi.policy.book.lending import lending
from fenqi.policy.compiler import CompiledPolicy
from fenqi.policy.document import Document
from fenqi.policy.reads import reads_of
from fenqi.policy.references import all_cutoffs
from fenqi.policy.schema import Cutoffs, Feature, PolicyTest, Rule, Scorecard, Segment
from fenqi.policy.tables.table import Table
from fenqi.policy.trace import written

# Rows of a decision table that are shown.
MOST_ROWS = 200


def book_of(document: Document, compiled: CompiledPolicy) -> Book:
    """The book of a policy that compiles."""
    policy = document.policy
    writer = _Writer(document, compiled)
    chapters = [
        Chapter("Overview", "overview", list(writer.overview())),
        Chapter("The way to a decision", "flow", list(writer.flow())),
        Chapter("Rules", "rules", list(writer.rules())),
        Chapter("Segments and cut-offs", "segments", list(writer.segments())),
        Chapter("Scorecards", "scorecards", list(writer.scorecards())),
        Chapter("Decision tables", "tables", list(writer.tables())),
        Chapter("Products and offers", "offers", list(lending(policy))),
        Chapter("Features", "features", list(writer.features())),
        Chapter("Lists and lookups", "lists", list(writer.lists())),
        Chapter("Sources of data", "sources", list(writer.sources())),
        Chapter("Reasons", "reasons", list(writer.reasons())),
        Chapter("Tests", "tests", list(writer.tests())),
    ]
    subtitle = f"Policy `{policy.policy}`, version {policy.version}"
    kept = [chapter for chapter in chapters if chapter.blocks]
    return Book(policy.title or policy.policy, subtitle, kept)


class _Writer:
    def __init__(self, document: Document, compiled: CompiledPolicy) -> None:
        self._document = document
        self._compiled = compiled
        self._policy = document.policy

    def overview(self) -> Iterator[Block]:
        policy, pack = self._policy, self._document.pack
        facts = [["version", policy.version], ["release", f"`{self._compiled.content_hash[:16]}`"]]
        if pack is not None:
            facts.append(
                ["jurisdiction", f"{pack.jurisdiction}, pack {pack.version}: {pack.meaning}"]
            )
        if pack is not None and pack.annual_rate_cap is not None:
            facts.append(["a loan may cost", f"at most {pack.annual_rate_cap:.0%} a year"])
        facts.append(["time zone", policy.time_zone])
        files = [f"`{file.name}`" for file in self._document.files]
        facts.append(["files", ", ".join(files)])
        yield Grid(["", ""], facts)
        counts = Counter[str](rule.then for rule in policy.rules)
        words = {"decline": "decline", "refer": "refer", "cap": "cap the amount", "flag": "flag"}
        does = ", ".join(f"{counts[key]} {word}" for key, word in words.items() if counts[key])
        yield Paragraph(
            f"{len(policy.features)} [features](#features) are worked out of the application and "
            f"{len(policy.rules)} [rules](#rules) are asked: {does}."
        )
        proposals = [rule.id for rule in policy.rules if rule.proposal]
        if proposals:
            names = ", ".join(f"[{name}](#rule-{name})" for name in proposals)
            yield Paragraph(f"Thresholds without a public source, to be confirmed: {names}.")

    def flow(self) -> Iterator[Block]:
        policy = self._policy
        gated = sorted(self._compiled.gated_sources)
        data = "no data that needs consent"
        if gated:
            data = "only with consent: " + ", ".join(gated)
        worked_out = [(len(policy.features), "feature"), (len(policy.tables), "decision table")]
        parts = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in worked_out if n]
        stations = [
            Station(
                name,
                segment.meaning,
                segment.decided_by or "rules alone",
                _cutoffs_in_short(segment.cutoffs or policy.cutoffs),
            )
            for name, segment in policy.segments.items()
        ]
        if not stations:
            deciders = [name for name, use in policy.models.items() if use.role == "decision"]
            decider = next(iter([*deciders, *policy.scorecards]), "")
            if decider:
                short = _cutoffs_in_short(policy.cutoffs)
                stations = [Station("everybody", "", decider, short)]
        counts = Counter[str](rule.then for rule in policy.rules if not rule.skips_models)
        yield Flow(
            data,
            ", ".join(parts),
            [rule.id for rule in policy.rules if rule.skips_models],
            stations,
            {then: counts[then] for then in ("decline", "refer", "cap", "flag") if counts[then]},
            any(cutoffs.explore_rate is not None for _, cutoffs in all_cutoffs(self._policy)),
        )
        yield Paragraph(
            "The decision is the gravest that the rules and the cut-offs ask for: decline before "
            "refer before counter-offer before approve. Every rule is asked, and every one that "
            "fires is reported."
        )

    def rules(self) -> Iterator[Block]:
        for then, title in (
            ("decline", "Rules that decline"),
            ("refer", "Rules that refer to a person"),
            ("cap", "Rules that cap the amount"),
            ("flag", "Rules that flag"),
        ):
            numbered = [
                (number, rule)
                for number, rule in enumerate(self._policy.rules)
                if rule.then == then
            ]
            if not numbered:
                continue
            yield Heading(title, f"rules-{then}")
            yield Grid(
                ["rule", "fires where", "reason", "if unknown", "terms"],
                [self._rule(number, rule) for number, rule in numbered],
                [f"rule-{rule.id}" for _, rule in numbered],
            )

    def _rule(self, number: int, rule: Rule) -> list[str]:
        terms = []
        if self._document.origins[number] == "pack":
            terms.append(f"law ({self._policy.jurisdiction} pack)")
        if rule.cap_fen is not None:
            cap = rule.cap_fen
            terms.append(
                f"at most {cap / 100:,.2f}" if isinstance(cap, int) else f"at most `{cap}` fen"
            )
        if rule.skips_models:
            terms.append("ends before scoring")
        if rule.stage is not None:
            terms.append("at " + ", ".join(stage.replace("_", " ") for stage in rule.stage))
        if rule.valid_from is not None:
            terms.append(f"from {rule.valid_from}")
        if rule.valid_until is not None:
            terms.append(f"until {rule.valid_until}")
        if rule.owner:
            terms.append(f"owner: {rule.owner}")
        if rule.basis:
            terms.append(f"basis: {rule.basis}")
        if rule.proposal:
            terms.append("proposal")
        reason = f"[{rule.reason}](#reason-{rule.reason})" if rule.reason else ""
        condition = f"{rule.meaning} `{_one_line(rule.when)}`"
        return [f"`{rule.id}`", condition, reason, rule.on_error, "; ".join(terms)]

    def segments(self) -> Iterator[Block]:
        policy = self._policy
        if policy.segments:
            yield Paragraph("Every applicant falls in exactly one segment.")
            rows = [self._segment(name, part) for name, part in policy.segments.items()]
            anchors = [f"segment-{name}" for name in policy.segments]
            yield Grid(["segment", "who", "decided by", "cut-offs"], rows, anchors)
        if policy.cutoffs is not None:
            where = "Where a segment has none of its own: " if policy.segments else ""
            yield Paragraph(f"{where}{_cutoffs(policy.cutoffs)}.")

    def _segment(self, name: str, segment: Segment) -> list[str]:
        condition = "everybody else" if segment.when is None else f"`{_one_line(segment.when)}`"
        decided_by = segment.decided_by or "rules alone"
        if segment.decided_by in self._policy.scorecards:
            decided_by = f"[{decided_by}](#scorecard-{decided_by})"
        cutoffs = "the policy's own" if segment.cutoffs is None else _cutoffs(segment.cutoffs)
        return [f"`{name}`", f"{segment.meaning} {condition}", decided_by, cutoffs]

    def scorecards(self) -> Iterator[Block]:
        for name, card in self._compiled.scorecards.items():
            yield Heading(name, f"scorecard-{name}")
            yield Paragraph(f"{card.meaning} {_scale(card)}")
            rows = []
            for attribute, part in (card.attributes or {}).items():
                terms: list[str] = [part.dimension or ""]
                if part.reason:
                    terms.append(f"[{part.reason}](#reason-{part.reason})")
                for number, one in enumerate(part.bins):
                    label = f" ({one.label})" if one.label else ""
                    first = [f"`{attribute}`", f"`{_one_line(part.expr)}`"]
                    shown = first if number == 0 else ["", ""]
                    about = ", ".join(term for term in terms if term) if number == 0 else ""
                    rows.append([*shown, f"{one.text}{label}", f"{one.points:g}", about])
            yield Grid(["attribute", "of", "bin", "points", ""], rows)

    def tables(self) -> Iterator[Block]:
        for name, table in self._compiled.tables.items():
            part = self._policy.tables[name]
            yield Heading(name, f"table-{name}")
            yield Paragraph(f"{part.meaning} {_HITS[part.hit]}")
            exprs = [
                given if isinstance(given, str) else given.expr for given in part.inputs.values()
            ]
            inputs = [
                one.name if _one_line(expr) == one.name else f"{one.name} = `{_one_line(expr)}`"
                for one, expr in zip(table.inputs, exprs, strict=True)
            ]
            outputs = [f"→ {output.name}" for output in table.outputs]
            yield Grid(["row", *inputs, *outputs], _rows(table))
            if len(table.rows) > MOST_ROWS:
                yield Paragraph(f"... and {len(table.rows) - MOST_ROWS} rows more.")
            defaults = [
                f"{output.name} is {written(output.default)}"
                for output in table.outputs
                if output.default is not None
            ]
            if defaults:
                yield Paragraph(f"Where no row holds, {', '.join(defaults)}.")

    def features(self) -> Iterator[Block]:
        users = self._users()
        by_file: dict[str, list[tuple[str, Feature]]] = {}
        for name, feature in self._policy.features.items():
            file = self._document.position(("features", name)).file
            by_file.setdefault(file, []).append((name, feature))
        for file, features in by_file.items():
            if len(by_file) > 1:
                yield Heading(f"`{file}`", f"features-{file.replace('/', '-')}")
            yield Grid(
                ["feature", "meaning", "worked out as", "where missing", "read by"],
                [
                    [
                        f"`{name}`",
                        feature.meaning + (f" [{feature.unit}]" if feature.unit else ""),
                        f"`{_one_line(feature.expr)}`",
                        "missing" if feature.default is None else written(feature.default),
                        ", ".join(users.get(name, [])),
                    ]
                    for name, feature in features
                ],
                [f"feature-{name}" for name, _ in features],
            )

    def _users(self) -> dict[str, list[str]]:
        """Who reads each feature."""
        users: dict[str, list[str]] = {}
        for path, checked in self._compiled.expressions.items():
            kind, name = path[0], path[1]
            if kind == "rules" and isinstance(name, int):
                identity = self._policy.rules[name].id
                user = f"[{identity}](#rule-{identity})"
            else:
                user = f"[{name}](#{str(kind).removesuffix('s')}-{name})"
            for read in reads_of(checked).names:
                if user not in users.setdefault(read, []):
                    users[read].append(user)
        for slot, artifact in self._compiled.models.items():
            for column in artifact.manifest.columns:
                users.setdefault(column.feature, []).append(f"model {slot}")
        return users

    def lists(self) -> Iterator[Block]:
        rows = []
        for name, values in self._policy.lists.items():
            hashed = "; entries are hashes" if values.hashed is not None else ""
            origin = f"`{values.csv}`" if values.csv else f"{len(values.values or [])} values"
            rows.append([f"`lists.{name}`", values.meaning + hashed, origin])
        for name, lookup in self._policy.lookups.items():
            columns = ", ".join(f"`{column}`" for column in lookup.values)
            count = len(self._compiled.lookups[name].rows)
            origin = f"`{lookup.csv}`, {count} rows"
            rows.append([f"`lookups.{name}`", f"{lookup.meaning} Gives {columns}.", origin])
        if rows:
            yield Grid(["name", "what it is", "from"], rows)

    def sources(self) -> Iterator[Block]:
        policy, compiled = self._policy, self._compiled
        declared = {part.data_source or name: part for name, part in policy.sources.items()}
        rows = []
        for source in sorted(compiled.sources | set(declared)):
            part = declared.get(source)
            consent = "needed" if source in compiled.gated_sources else "not needed"
            read = "yes" if source in compiled.sources else "no"
            rows.append([f"`{source}`", part.meaning if part else "", consent, read])
        if rows:
            yield Paragraph(
                "Without the consent that a source needs, everything that rests on it counts as "
                "missing, and the answer says so."
            )
            yield Grid(["source", "what it is", "consent", "read"], rows)

    def reasons(self) -> Iterator[Block]:
        rows = [
            [f"`{code}`", texts.en, texts.zh, texts.group or ""]
            for code, texts in self._policy.reasons.items()
        ]
        if rows:
            yield Paragraph(
                "What an applicant is told, at most four, the most important first; of one group "
                "only one."
            )
            anchors = [f"reason-{code}" for code in self._policy.reasons]
            yield Grid(["code", "English", "中文", "group"], rows, anchors)

    def tests(self) -> Iterator[Block]:
        rows = [[test.name, _expected(test)] for test in self._policy.tests]
        if rows:
            yield Grid(["example applicant", "what must come out"], rows)


_HITS = {
    "unique": "One row may hold.",
    "any": "Several rows may hold if they say the same.",
    "first": "The first row that holds counts.",
    "priority": "Of the rows that hold, the one with the best outcome counts.",
    "rule_order": "All rows that hold count, in their order.",
    "output_order": "All rows that hold count, the best outcome first.",
    "collect": "All rows that hold count together.",
}


def _rows(table: Table) -> list[list[str]]:
    return [
        [
            str(number),
            *(cell.text or "-" for cell in row.cells),
            *("" if value is None else written(value) for value in row.values),
        ]
        for number, row in enumerate(table.rows[:MOST_ROWS], 1)
    ]


def _one_line(expression: str) -> str:
    return " ".join(expression.split())


def _scale(card: Scorecard) -> str:
    sides = "good to bad" if card.odds == "good_to_bad" else "bad to good"
    return (
        f"A score of {card.base_score:g} stands for odds of {card.base_odds:g} {sides}, and "
        f"{card.points_to_double_odds:g} points double the odds of being good. Everybody begins "
        f"with {card.base_points:g} points."
    )


def _cutoffs_in_short(cutoffs: Cutoffs | None) -> str:
    if cutoffs is None:
        return ""
    if cutoffs.approve_from is not None:
        return f"approve from {cutoffs.approve_from:g}, refer from {cutoffs.refer_from:g}"
    return f"approve to {cutoffs.approve_at_most:.4g}, refer to {cutoffs.refer_at_most:.4g}"


def _cutoffs(cutoffs: Cutoffs) -> str:
    """All that cut-offs say, as a phrase."""
    if cutoffs.approve_from is not None:
        text = (
            f"approve from a score of {cutoffs.approve_from:g}, refer from {cutoffs.refer_from:g}"
        )
    else:
        text = (
            f"approve up to a probability of default of {cutoffs.approve_at_most:.4g}, refer up "
            f"to {cutoffs.refer_at_most:.4g}"
        )
    text += ", decline the rest"
    if cutoffs.refer_above_fen is not None:
        text += f"; more than {cutoffs.refer_above_fen / 100:,.2f} goes to a person"
    if cutoffs.explore_rate is not None and cutoffs.explore_amount_fen is not None:
        end = (
            f"a score of {cutoffs.explore_from:g}"
            if cutoffs.explore_from is not None
            else f"a probability of {cutoffs.explore_at_most:.4g}"
        )
        text += (
            f"; down to {end}, at most {cutoffs.explore_rate:.2%} are approved at random for at "
            f"most {cutoffs.explore_amount_fen / 100:,.2f}, to learn"
        )
    return text


def _expected(test: PolicyTest) -> str:
    expect = test.expect
    words = []
    if expect.decision is not None:
        words.append(expect.decision.replace("_", " "))
    if expect.segment:
        words.append(f"in {expect.segment}")
    if expect.hits is not None:
        fired = ", ".join(f"[{hit}](#rule-{hit})" for hit in expect.hits)
        words.append(f"fires {fired}" if fired else "no rule fires")
    if expect.reasons is not None and expect.reasons:
        words.append("told " + ", ".join(f"[{code}](#reason-{code})" for code in expect.reasons))
    if expect.amount_cap_fen is not None:
        words.append(f"at most {expect.amount_cap_fen / 100:,.2f}")
    return "; ".join(words)
