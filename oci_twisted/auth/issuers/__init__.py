"""
Tokens of others: those of a token server, and those of OpenID Connect issuers such as the systems that run CI jobs.
"""

from oci_twisted.auth.issuers.fetching import Fetch, fetch_by
from oci_twisted.auth.issuers.issuer import Issuer, make_issuers
from oci_twisted.auth.issuers.settings import IssuerInvalid, IssuerKind, IssuerSettings, read_issuers

__all__ = [
    "Fetch",
    "Issuer",
    "IssuerInvalid",
    "IssuerKind",
    "IssuerSettings",
    "fetch_by",
    "make_issuers",
    "read_issuers",
]
