"""The rules of policies/taiwan_card.yaml, by hand: each gives the ids of those that fired."""

from __future__ import annotations

from collections.abc import Iterator

from fenqi.v1 import application_pb2 as a
from fenqi.v1 import scoring_pb2 as s

FLAG, REFER, DECLINE = s.RULE_ACTION_FLAG, s.RULE_ACTION_REFER, s.RULE_ACTION_DECLINE

# Rule: what it does, and its reason.
RULES: dict[str, tuple[int, str]] = {
    "IDENTITY_MISMATCH": (DECLINE, "R_IDENTITY"),
    "PHONE_MISMATCH": (DECLINE, "R_IDENTITY"),
    "CARD_MISMATCH": (REFER, "R_IDENTITY"),
    "ID_CHECKSUM_FAILED": (DECLINE, "R_IDENTITY"),
    "ID_BIRTH_DATE_INVALID": (DECLINE, "R_IDENTITY"),
    "ID_EXPIRED": (REFER, "R_IDENTITY"),
    "UNDER_AGE": (DECLINE, "R_LEGAL_AGE"),
    "ABOVE_AGE": (REFER, "R_LEGAL_AGE"),
    "ON_BLOCKLIST": (DECLINE, "R_BLOCKLIST"),
    "PHONE_TOO_NEW": (REFER, "R_PHONE_HISTORY"),
    "PHONE_NOT_REAL_NAME": (REFER, "R_PHONE_HISTORY"),
    "LIVENESS_WEAK": (REFER, "R_IDENTITY"),
    "FACE_MISMATCH": (REFER, "R_IDENTITY"),
    "EMULATOR_WITH_HOOK": (DECLINE, "R_DEVICE"),
    "DEVICE_ROOTED": (REFER, "R_DEVICE"),
    "MOCK_LOCATION": (REFER, "R_DEVICE"),
    "DEVICE_SHARED": (REFER, "R_VELOCITY"),
    "IP_BURST": (REFER, "R_VELOCITY"),
    "IMPOSSIBLE_TRAVEL": (REFER, "R_LOCATION"),
    "CITY_CONFLICT": (FLAG, ""),
    "BUREAU_OVERDUE_NOW": (DECLINE, "R_BUREAU_ARREARS"),
    "BUREAU_THREE_IN_A_ROW": (DECLINE, "R_BUREAU_ARREARS"),
    "BUREAU_SIX_IN_TOTAL": (DECLINE, "R_BUREAU_ARREARS"),
    "BUREAU_BAD_DEBT": (DECLINE, "R_BUREAU_ARREARS"),
    "INQUIRIES_MANY": (REFER, "R_CREDIT_SEEKING"),
    "MULTI_LENDER": (REFER, "R_CREDIT_SEEKING"),
    "LENDERS_OVERDUE": (DECLINE, "R_BUREAU_ARREARS"),
    "OWN_LOAN_OVERDUE": (REFER, "R_OWN_HISTORY"),
    "APPLIED_OFTEN": (REFER, "R_VELOCITY"),
    "STUDENT": (DECLINE, "R_STUDENT"),
    "GRAPH_RISK": (REFER, "R_NETWORK"),
    "DEBT_SERVICE_HIGH": (REFER, "R_DEBT_SERVICE"),
    "STATEMENTS_MISSING": (REFER, "R_STATEMENTS"),
    "STATEMENTS_FEW": (FLAG, ""),
    "HOPELESS_ARREARS": (DECLINE, "R_RECENT_ARREARS"),
    "SCORE_NEAR_CUT_OFF": (FLAG, ""),
}


def hits(
    application: a.Application, consecutive_late: float, worst_status: float, probability: float
) -> list[str]:
    """The rules that fire, in the policy's order."""
    return [
        *_identity(application.identity),
        *_device_and_place(application),
        *_bureau(application),
        *_person(application),
        *_statements(application),
        *(["HOPELESS_ARREARS"] if consecutive_late >= 6 and worst_status >= 4 else []),
        *(["SCORE_NEAR_CUT_OFF"] if 0.17 < probability <= 0.22 else []),
    ]


def _identity(i: a.Identity) -> Iterator[str]:
    if i.name_id_match == a.MATCH_RESULT_MISMATCH:
        yield "IDENTITY_MISMATCH"
    if i.name_id_phone_match == a.MATCH_RESULT_MISMATCH:
        yield "PHONE_MISMATCH"
    if i.name_id_phone_card_match == a.MATCH_RESULT_MISMATCH:
        yield "CARD_MISMATCH"
    if i.HasField("id_checksum_valid") and not i.id_checksum_valid:
        yield "ID_CHECKSUM_FAILED"
    if i.HasField("id_birth_date_valid") and not i.id_birth_date_valid:
        yield "ID_BIRTH_DATE_INVALID"
    if i.HasField("id_days_to_expiry") and i.id_days_to_expiry < 0:
        yield "ID_EXPIRED"
    if i.HasField("age_years") and i.age_years < 18:
        yield "UNDER_AGE"
    if i.HasField("age_years") and i.age_years > 60:
        yield "ABOVE_AGE"
    if i.on_blocklist:
        yield "ON_BLOCKLIST"
    if i.HasField("phone_in_network_days") and i.phone_in_network_days < 180:
        yield "PHONE_TOO_NEW"
    if i.HasField("phone_real_name") and not i.phone_real_name:
        yield "PHONE_NOT_REAL_NAME"
    if i.HasField("liveness_score") and i.liveness_score < 0.5:
        yield "LIVENESS_WEAK"
    if i.HasField("face_match_score") and i.face_match_score < 0.6:
        yield "FACE_MISMATCH"


def _device_and_place(application: a.Application) -> Iterator[str]:
    device, network, place = application.device, application.network, application.location
    if device.emulator and device.hooked:
        yield "EMULATOR_WITH_HOOK"
    if device.rooted or device.debugger_attached:
        yield "DEVICE_ROOTED"
    if device.mock_location or device.cloned_app:
        yield "MOCK_LOCATION"
    if device.applicants_7d_incl > 3:
        yield "DEVICE_SHARED"
    if network.applications_10m_incl > 5:
        yield "IP_BURST"
    if place.speed_since_last_position_kmh > 900:
        yield "IMPOSSIBLE_TRAVEL"
    cities = [
        getattr(place, name)
        for name in ("home_city", "employer_city", "id_city")
        if place.HasField(name)
    ]
    if place.HasField("gps_city") and len(cities) == 3 and place.gps_city not in cities:
        yield "CITY_CONFLICT"


def _bureau(application: a.Application) -> Iterator[str]:
    bureau, multi = application.bureau, application.multi_lender
    if bureau.accounts_overdue > 0 or bureau.total_overdue_fen > 0:
        yield "BUREAU_OVERDUE_NOW"
    if bureau.max_consecutive_overdue_months_24m >= 3:
        yield "BUREAU_THREE_IN_A_ROW"
    if bureau.max_overdue_months_24m >= 6:
        yield "BUREAU_SIX_IN_TOTAL"
    if bureau.bad_debts > 0 or bureau.public_records > 0:
        yield "BUREAU_BAD_DEBT"
    if bureau.inquiries_1m > 3 or bureau.inquiries_3m > 6 or bureau.inquiries_6m > 10:
        yield "INQUIRIES_MANY"
    if multi.nonbank_lenders_3m > 10:
        yield "MULTI_LENDER"
    if multi.overdue_lenders > 0:
        yield "LENDERS_OVERDUE"


def _person(application: a.Application) -> Iterator[str]:
    own, graph = application.own_history, application.social_graph
    if own.max_days_past_due > 30:
        yield "OWN_LOAN_OVERDUE"
    if own.applications_24h >= 3:
        yield "APPLIED_OFTEN"
    if application.employment.status == a.EMPLOYMENT_STATUS_STUDENT:
        yield "STUDENT"
    if graph.component_size > 20 and graph.component_default_rate > 0.66:
        yield "GRAPH_RISK"
    obligations, incomes = application.obligations, application.income_sources
    if (
        obligations.HasField("monthly_debt_service_fen")
        and incomes
        and incomes[0].HasField("monthly_amount_fen")
        and 2 * obligations.monthly_debt_service_fen > incomes[0].monthly_amount_fen
        and incomes[0].verified
    ):
        yield "DEBT_SERVICE_HIGH"


def _statements(application: a.Application) -> Iterator[str]:
    statements = application.behaviour.card_statements
    newest = statements[0] if statements else a.CardStatement()
    if not newest.HasField("repayment_status") or not newest.HasField("credit_limit_fen"):
        yield "STATEMENTS_MISSING"
    if application.HasField("behaviour") and len(statements) < 6:
        yield "STATEMENTS_FEW"
