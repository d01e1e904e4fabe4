"""
Every seam of the project: zope interfaces that can be implemented from their text alone.

What all of them promise:

- A method that is ``async def`` may be cancelled at any ``await``; unless its text says otherwise it has then
  either happened or not, never half.
- Errors are those of `oci_twisted.spec.errors`.  Anything else is a defect and becomes a 500.
- One reactor thread calls; an implementation that uses threads comes back to it.
"""

from oci_twisted.interfaces.access import (
    ANONYMOUS,
    Action,
    Credentials,
    Decision,
    IAuthenticator,
    IAuthorizer,
    Principal,
    WrongCredentials,
)
from oci_twisted.interfaces.blobs import (
    IBlobReader,
    IBlobStore,
    IFileBacked,
    IRedirected,
    IUploadSession,
)
from oci_twisted.interfaces.identities import (
    IPasswords,
    IssuedToken,
    ITokens,
    ITokenService,
    TokenRequest,
)
from oci_twisted.interfaces.metadata import (
    IBlobIndex,
    IManifestIndex,
    IMetadataStore,
    ITagIndex,
    IUploadIndex,
    StoredManifest,
    UploadRecord,
)
from oci_twisted.interfaces.repository import IRegistry, IRepository, PushedManifest
from oci_twisted.interfaces.tokens import AccessToken, IAccessTokens, TokenKind
from oci_twisted.interfaces.work import IBlockingPool

__all__ = [
    "ANONYMOUS",
    "AccessToken",
    "Action",
    "Credentials",
    "Decision",
    "IAccessTokens",
    "IAuthenticator",
    "IAuthorizer",
    "IBlobIndex",
    "IBlobReader",
    "IBlobStore",
    "IBlockingPool",
    "IFileBacked",
    "IManifestIndex",
    "IMetadataStore",
    "IPasswords",
    "IRedirected",
    "IRegistry",
    "IRepository",
    "ITagIndex",
    "ITokenService",
    "ITokens",
    "IUploadIndex",
    "IUploadSession",
    "IssuedToken",
    "Principal",
    "PushedManifest",
    "StoredManifest",
    "TokenKind",
    "TokenRequest",
    "UploadRecord",
    "WrongCredentials",
]
