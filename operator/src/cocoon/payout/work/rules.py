"""What a receipt must be to count: named rules in a list whose order is the specification.

A rule looks at one case alone, and says what is wrong or nothing. What depends on the books (paid before, caps,
coverage) is in `decide`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from cocoon.api.money import MILLION, Usage, parse_nanoton
from cocoon.api.trust import Trust
from cocoon.attest.receipts import check_arithmetic
from cocoon.payout.refusal import Refusal
from cocoon.payout.store.schema import MOST_NANOTON
from cocoon.payout.terms import Terms
from cocoon.payout.work import prices
from cocoon.payout.work.case import Case

Rule = Callable[[Case, Terms], Refusal | None]
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,252}")
_MOST_ATTEMPT: Final = 1_000_000


def names_its_key(case: Case, _terms: Terms) -> Refusal | None:
    """`jti` begins with the key that signed it, so that no key can take another one's names."""
    if case.claims.iss != case.server.key or not case.claims.jti.startswith(f"{case.server.key}."):
        return Refusal("WrongId", "receipt.jti", "The receipt's jti does not begin with the key that signed it.")
    return None


def has_sound_names(case: Case, _terms: Terms) -> Refusal | None:
    """Texts of the length that Kubernetes gives them: they become keys in the books."""
    claims = case.claims
    texts = {"jti": claims.jti.lstrip("-_"), "sub": case.job, "namespace": claims.namespace, "name": claims.name,
             "provider": claims.provider, "model.name": claims.model.name}  # fmt: skip
    for name, text in texts.items():
        if not _NAME.fullmatch(text):
            return Refusal("InvalidName", f"receipt.{name}", f"The receipt's {name} is empty, too long or no name.")
    numbers = {"attempt": (1, claims.attempt, _MOST_ATTEMPT), "seq": (0, claims.seq, MOST_NANOTON),
               "started": (0, claims.started, MOST_NANOTON)}  # fmt: skip
    for name, (least, number, most) in numbers.items():
        if not least <= number <= most:
            return Refusal("InvalidNumber", f"receipt.{name}", f"The receipt's {name} is out of range.")
    return None


def is_of_its_job(case: Case, _terms: Terms) -> Refusal | None:
    """`sub` names the caller's cluster and the job in the path."""
    cluster, _, job = case.claims.sub.partition("/")
    if cluster != case.submission.cluster:
        return Refusal("WrongCluster", "receipt.sub", f"The receipt is of cluster {cluster[:64]!r}, not the caller's.")
    if case.submission.job not in ("", job):
        return Refusal("WrongJob", "receipt.sub", f"The receipt is of job {job[:64]!r}, not the one in the path.")
    return None


def is_from_the_past(case: Case, terms: Terms) -> Refusal | None:
    """Nothing is paid before it is done."""
    if case.claims.iat > case.now + terms.clock_skew or case.claims.finished > case.now + terms.clock_skew:
        return Refusal("FromTheFuture", "receipt.iat", "The receipt is from the future: check the server's clock.")
    return None


def was_vouched_for(case: Case, _terms: Terms) -> Refusal | None:
    """`finished` lies within a window in which evidence of the key was trusted."""
    if case.claims.evidence_sha256 != case.server.evidence:
        return Refusal("WrongEvidence", "receipt.evidence_sha256", "The receipt names other evidence than its key's.")
    if not any(window.holds(case.claims.finished) for window in case.server.windows):
        return Refusal(
            "EvidenceExpired",
            "receipt.finished",
            "No evidence of the key was trusted when the job finished: attest it.",
        )
    return None


def is_for_the_fixed_payee(case: Case, _terms: Terms) -> Refusal | None:
    """The wallet is the one in the evidence."""
    if case.claims.payee != case.server.payee:
        return Refusal("WrongPayee", "receipt.payee", "The receipt's payee is not the wallet that its evidence fixes.")
    return None


def is_trusted_enough(case: Case, terms: Terms) -> Refusal | None:
    """Trust is the evidence's, accepted here, and no less than the job asked for."""
    claims = case.claims
    if claims.trust is not case.server.trust:
        return Refusal(
            "WrongTrust", "receipt.trust", f"The receipt claims {claims.trust} trust; its evidence gives less."
        )
    least = Trust.HARDWARE if Trust.HARDWARE in (terms.trust, claims.minimum_trust) else Trust.TEST
    if not claims.trust.satisfies(least):
        return Refusal(
            "TrustTooLow", "receipt.trust", f"The work was done under {claims.trust} trust; {least} is asked for."
        )
    return None


def has_a_budget(case: Case, _terms: Terms) -> Refusal | None:
    """What is paid is set aside from a client account when the job is bound; without a budget nothing was."""
    if not case.claims.budget:
        return Refusal("NoBudget", "receipt.budget", "The job had no budget, so nothing was set aside to pay it from.")
    return None


def is_plausible(case: Case, terms: Terms) -> Refusal | None:
    """No server does more in the time than the fastest could."""
    usage, seconds = case.claims.usage, case.claims.finished - case.claims.started + 1
    for name in ("items", "failed_items", "prompt_tokens", "completion_tokens"):
        if getattr(usage, name) > terms.fastest * max(seconds, 1):
            return Refusal(
                "ImplausibleUsage", f"receipt.usage.{name}", f"No server does that many units in {seconds} s."
            )
    return None


def adds_up(case: Case, _terms: Terms) -> Refusal | None:
    """The cost is units times price over a million, rounded down, within the budget; times are in order."""
    wrong = check_arithmetic(case.claims)
    if not wrong:
        too_much = case.cost > MOST_NANOTON
        return Refusal("WrongArithmetic", "receipt.cost", "There is not so much TON.") if too_much else None
    field = "receipt.cost" if wrong[0].startswith("The cost") else "receipt"
    return Refusal("WrongArithmetic", field, " ".join(wrong))


def keeps_its_budget(case: Case, _terms: Terms) -> Refusal | None:
    """The runner admits no item that the budget does not cover; only answers can turn out longer than was foreseen."""
    foreseen = Usage(items=case.claims.usage.items, prompt_tokens=case.claims.usage.prompt_tokens)
    item, prompt, _ = case.claims.price.rates()
    budget = parse_nanoton(case.claims.budget)
    if (foreseen.items * item + foreseen.prompt_tokens * prompt) // MILLION > budget:
        return Refusal(
            "BudgetExceeded", "receipt.usage", f"The usage is worth more than the budget of {budget} nanoTON."
        )
    return None


def is_not_too_dear(case: Case, terms: Terms) -> Refusal | None:
    """Its price is within the payer's cap for the model, and not above that of the job's binding."""
    cap = terms.price_cap(case.claims.model.name)
    if cap is None:
        return Refusal(
            "ModelNotPaid", "receipt.model.name", f"{case.claims.model.name[:64]!r} is no model that is paid for."
        )
    if not prices.within(case.claims.price, cap):
        return Refusal("PriceAboveCap", "receipt.price", "The price is above what is paid for this model at most.")
    bound = case.submission.price
    if bound is not None and not prices.within(case.claims.price, bound):
        return Refusal("PriceAboveBinding", "receipt.price", "The price is above the one that the job was bound at.")
    return None


RULES: Final[tuple[Rule, ...]] = (
    names_its_key, has_sound_names, is_of_its_job, is_from_the_past, was_vouched_for, is_for_the_fixed_payee,
    is_trusted_enough, has_a_budget, is_plausible, adds_up, keeps_its_budget, is_not_too_dear,
)  # fmt: skip
#: What an interrupted attempt's receipt need not be: it moves no money.
_OF_MONEY: Final[frozenset[Rule]] = frozenset((has_a_budget, keeps_its_budget, is_not_too_dear))


def objection(case: Case, terms: Terms) -> Refusal | None:
    """The first thing that is wrong with it."""
    interrupted = case.claims.outcome == "Interrupted"
    for rule in RULES:
        if interrupted and rule in _OF_MONEY:
            continue
        refusal = rule(case, terms)
        if refusal is not None:
            return refusal
    return None
