"""
Users who prove by a password who they are.

`Passwords` asks `ICredentialsChecker`s of twisted.cred, of which `HtpasswdFile` and `InMemoryUsers` are two.
"""

from oci_twisted.auth.passwords.attempts import Allowance, AttemptLimits
from oci_twisted.auth.passwords.changing import IChanging
from oci_twisted.auth.passwords.htpasswd import HtpasswdFile
from oci_twisted.auth.passwords.users import InMemoryUsers
from oci_twisted.auth.passwords.verifying import Passwords
from oci_twisted.auth.passwords.watched import FileUnusable

__all__ = [
    "Allowance",
    "AttemptLimits",
    "FileUnusable",
    "HtpasswdFile",
    "IChanging",
    "InMemoryUsers",
    "Passwords",
]
