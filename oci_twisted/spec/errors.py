"""
Every refusal that the registry can give, and the one table of codes.

The domain raises; ``http/errors.py`` renders, once, for everyone.  A message is a sentence for the
person who reads it: it says what was wrong and, where that helps, what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import RepositoryName, Tag

Detail: TypeAlias = "dict[str, str | int | list[str]] | None"


class RegistryError(Exception):
    """
    A request was refused.

    :ivar message: a sentence for a person.
    :ivar detail: facts for a program, or ``None``.
    """

    def __init__(self, message: str, detail: Detail = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail

    def documents(self) -> list[tuple[str, Detail]]:
        """Answer the (message, detail) pairs of the error document: one, unless a subclass has more."""
        return [(self.message, self.detail)]


class NameInvalid(RegistryError, ValueError):
    """A repository name that the grammar does not allow."""


class TagInvalid(RegistryError, ValueError):
    """A tag that the grammar does not allow."""


class NameUnknown(RegistryError):
    """No repository of this name."""

    @classmethod
    def of(cls, name: RepositoryName) -> NameUnknown:
        """Say which repository is missing."""
        return cls(f"no repository {name}", {"name": str(name)})


class DigestInvalid(RegistryError, ValueError):
    """A digest that is malformed, of an unsupported algorithm, or not that of the content."""

    @classmethod
    def of(cls, expected: Digest, found: Digest) -> DigestInvalid:
        """Say which digest a blob's bytes were said to have, and which they have."""
        return cls(
            f"the blob's digest is {found}, not {expected}; nothing was kept, so push it again",
            {"digest": str(found), "expected": str(expected)},
        )


class BlobUnknown(RegistryError):
    """The repository does not hold the blob."""

    @classmethod
    def of(cls, digest: Digest) -> BlobUnknown:
        """Say which blob is missing."""
        return cls(f"no blob {digest} in this repository", {"digest": str(digest)})


class ManifestUnknown(RegistryError):
    """The repository holds no manifest under this tag or digest."""

    @classmethod
    def of(cls, reference: object) -> ManifestUnknown:
        """Say which manifest is missing."""
        return cls(f"no manifest {reference} in this repository", {"reference": str(reference)})


class ManifestInvalid(RegistryError, ValueError):
    """A manifest's body is not what its media type says.  Never used for other faults: clients convert and retry."""


class ManifestTooLarge(RegistryError):
    """A manifest's body is over the limit."""


class ManifestBlobUnknown(RegistryError):
    """A manifest names content that the repository does not hold; every missing digest is named."""

    def __init__(self, missing: Iterable[Digest]) -> None:
        self.missing = tuple(missing)
        super().__init__("the manifest names content that this repository does not hold")

    def documents(self) -> list[tuple[str, Detail]]:
        """Answer one pair for every missing digest."""
        return [(f"push {digest} to this repository first", {"digest": str(digest)}) for digest in self.missing]


class ReferenceChanged(RegistryError):
    """A compare-and-swap on a tag lost: the tag points elsewhere than the client believed."""


class UploadUnknown(RegistryError):
    """No upload session of this id in this repository: never begun, finished, cancelled or expired."""

    @classmethod
    def of(cls, session_id: str) -> UploadUnknown:
        """Say which session is missing."""
        return cls(
            f"no upload session {session_id} in this repository; begin a new one with POST",
            {"session": session_id},
        )


class UploadInvalid(RegistryError):
    """A request to an upload session that makes no sense, such as a malformed Content-Range."""


class UploadOutOfOrder(RegistryError):
    """
    A chunk does not begin where the session's bytes end.  The session goes on.

    :ivar session_id: the session.
    :ivar offset: how many bytes the session holds.
    """

    def __init__(self, session_id: str, offset: int, start: int) -> None:
        super().__init__(
            f"this chunk begins at byte {start}, but the session holds {offset} bytes: send the byte at {offset} next",
            {"offset": offset, "start": start},
        )
        self.session_id = session_id
        self.offset = offset


class UploadBusy(RegistryError):
    """Another request is writing to the upload session."""

    @classmethod
    def of(cls, session_id: str) -> UploadBusy:
        """Say which session is busy."""
        return cls(
            "another request is writing to this upload session; ask for its offset and try again",
            {"session": session_id},
        )


class SizeInvalid(RegistryError):
    """The length of a body is not the one that was announced."""


class RangeUnsatisfiable(RegistryError):
    """
    None of the byte ranges asked for lies in the blob.

    :ivar size: the blob's size in bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"no such bytes: the blob has {size}", {"size": size})
        self.size = size


class PageInvalid(RegistryError, ValueError):
    """``n`` or ``last`` of a listing cannot be read."""


class Unauthorized(RegistryError):
    """
    The client has to say who it is, or its credentials are wrong.

    :ivar challenge: the value of ``WWW-Authenticate``.
    """

    def __init__(self, message: str, challenge: str) -> None:
        super().__init__(message)
        self.challenge = challenge


class Denied(RegistryError):
    """The client is known and may not do this."""


class TooManyAttempts(RegistryError):
    """
    Logging in has failed too often of late.

    :ivar retry_after: in how many seconds another attempt will be looked at.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many failed logins; try again in {retry_after} s", {"retry_after": retry_after})
        self.retry_after = retry_after


class TagImmutable(RegistryError):
    """A tag that may not be moved points elsewhere already."""

    @classmethod
    def of(cls, tag: Tag, kept: Digest) -> TagImmutable:
        """Say which tag, and what it keeps pointing to."""
        return cls(
            f"the tag {tag} is immutable and points to {kept}; push under another tag",
            {"tag": str(tag), "digest": str(kept)},
        )


class TagProtected(RegistryError):
    """A tag, or what it points to, may not be deleted."""

    @classmethod
    def of(cls, tag: Tag) -> TagProtected:
        """Say which tag stands in the way."""
        return cls(f"the tag {tag} is protected: neither it nor what belongs to it is deleted", {"tag": str(tag)})

    @classmethod
    def of_blobs(cls, tag: Tag) -> TagProtected:
        """Say which tag stands in the way of every blob of the repository."""
        return cls(
            f"the tag {tag} is protected and may need this blob: no blob of this repository is deleted",
            {"tag": str(tag)},
        )


class DeleteDisabled(RegistryError):
    """The operator has switched this kind of deletion off."""


class ReadOnly(RegistryError):
    """The registry takes no changes."""


class TooManyTags(RegistryError):
    """A manifest is pushed with more tags at once than the registry takes."""


class ExtensionUnknown(RegistryError):
    """No endpoint under this path."""


class MethodNotAllowed(RegistryError):
    """
    The endpoint exists and does not know the method.

    :ivar allowed: the methods that it knows.
    """

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        self.allowed = tuple(sorted(allowed))
        super().__init__(f"{method} is not for this path; it knows {', '.join(self.allowed)}")


class RequestInvalid(RegistryError):
    """The request is not HTTP that can be answered."""


class RequestTooLarge(RegistryError):
    """A body that is no manifest and no blob is over the limit."""


class RequestTimeout(RegistryError):
    """The client was too slow."""


class HeadTooLarge(RegistryError):
    """The request line and headers together are over the limit."""


class CodingUnsupported(RegistryError):
    """A transfer coding other than ``chunked``."""


class VersionUnsupported(RegistryError):
    """A version of HTTP other than 1.0 and 1.1."""


class StorageFull(RegistryError):
    """The disk is full; nothing that was stored is lost."""


class Unavailable(RegistryError):
    """The registry is stopping or its storage cannot be reached; try again."""


class InternalFault(RegistryError):
    """A defect of ours; the log has the rest under the incident's id."""

    def __init__(self, incident: str) -> None:
        super().__init__(
            f"the registry failed; its log says why under incident {incident}",
            {"incident": incident},
        )


@frozen
class Row:
    """
    How one kind of refusal looks on the wire.

    :ivar code: of the specification's list where the status is below 500 (it allows no other).
    :ivar status: the HTTP status.
    """

    code: str
    status: int


TABLE: dict[type[RegistryError], Row] = {
    NameInvalid: Row("NAME_INVALID", 400),
    TagInvalid: Row("NAME_INVALID", 400),
    NameUnknown: Row("NAME_UNKNOWN", 404),
    DigestInvalid: Row("DIGEST_INVALID", 400),
    BlobUnknown: Row("BLOB_UNKNOWN", 404),
    ManifestUnknown: Row("MANIFEST_UNKNOWN", 404),
    ManifestInvalid: Row("MANIFEST_INVALID", 400),
    ManifestTooLarge: Row("SIZE_INVALID", 413),
    ManifestBlobUnknown: Row("MANIFEST_BLOB_UNKNOWN", 400),
    ReferenceChanged: Row("DENIED", 412),
    UploadUnknown: Row("BLOB_UPLOAD_UNKNOWN", 404),
    UploadInvalid: Row("BLOB_UPLOAD_INVALID", 400),
    UploadOutOfOrder: Row("BLOB_UPLOAD_INVALID", 416),
    UploadBusy: Row("BLOB_UPLOAD_INVALID", 409),
    SizeInvalid: Row("SIZE_INVALID", 400),
    RangeUnsatisfiable: Row("SIZE_INVALID", 416),
    PageInvalid: Row("UNSUPPORTED", 400),
    Unauthorized: Row("UNAUTHORIZED", 401),
    Denied: Row("DENIED", 403),
    TooManyAttempts: Row("TOOMANYREQUESTS", 429),
    TagImmutable: Row("DENIED", 409),
    TagProtected: Row("DENIED", 403),
    DeleteDisabled: Row("UNSUPPORTED", 405),
    ReadOnly: Row("UNSUPPORTED", 405),
    TooManyTags: Row("UNSUPPORTED", 414),
    ExtensionUnknown: Row("UNSUPPORTED", 404),
    MethodNotAllowed: Row("UNSUPPORTED", 405),
    RequestInvalid: Row("UNSUPPORTED", 400),
    RequestTooLarge: Row("SIZE_INVALID", 413),
    RequestTimeout: Row("UNSUPPORTED", 408),
    HeadTooLarge: Row("UNSUPPORTED", 431),
    CodingUnsupported: Row("UNSUPPORTED", 501),
    VersionUnsupported: Row("UNSUPPORTED", 505),
    StorageFull: Row("UNAVAILABLE", 507),
    Unavailable: Row("UNAVAILABLE", 503),
    InternalFault: Row("UNKNOWN", 500),
}
