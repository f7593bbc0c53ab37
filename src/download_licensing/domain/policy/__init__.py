"""The policy model: which rules hold, with which parameters, for whom, and since when. Pure.

A `Policy` is one version. Its layers set clauses by name, and a later layer replaces what an
earlier one set, whole:

    default → plan → agreement → title → country → the title's own country

`Policy.terms_for` combines them for one customer and title into `Terms`: what a decision checks
and what a grant is worth. `Policies` are all versions, each in force from its effective date until
that of the next. A `PolicySource` is where the service asks for the one in force.
"""

from download_licensing.domain.policy.layer import Layer
from download_licensing.domain.policy.policies import NoPolicyInForce, Policies, PolicySource
from download_licensing.domain.policy.policy import Policy
from download_licensing.domain.policy.terms import Terms

__all__ = ["Layer", "NoPolicyInForce", "Policies", "Policy", "PolicySource", "Terms"]
