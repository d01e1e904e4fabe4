"""
Users who prove by a password who they are.

`HtpasswdFile` and `InMemoryUsers` are `ICredentialsChecker`s of twisted.cred.
"""

from oci_twisted.auth.passwords.changing import IChanging
from oci_twisted.auth.passwords.htpasswd import HtpasswdFile
from oci_twisted.auth.passwords.users import InMemoryUsers
from oci_twisted.auth.passwords.watched import FileUnusable

__all__ = [
    "FileUnusable",
    "HtpasswdFile",
    "IChanging",
    "InMemoryUsers",
]
