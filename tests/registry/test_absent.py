"""
A repository that does not exist.
"""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from oci_twisted.interfaces import IRepository
from oci_twisted.registry.absent import AbsentRepository
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import BlobUnknown, Denied, ManifestUnknown, NameUnknown, RegistryError, UploadUnknown
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.spec.pages import PageRequest
from tests.http.stacks import Stack, at_once

NAME = parse_name("a/b")
DIGEST = digest_of(b"")
TAG = parse_tag("v1")
PAGE = PageRequest(10)

CALLS = [
    ("stat_blob", (DIGEST,), BlobUnknown),
    ("open_blob", (DIGEST,), BlobUnknown),
    ("delete_blob", (DIGEST,), BlobUnknown),
    ("resume_upload", ("session",), UploadUnknown),
    ("upload_offset", ("session",), UploadUnknown),
    ("get_manifest", (TAG,), ManifestUnknown),
    ("get_manifest", (DIGEST,), ManifestUnknown),
    ("delete_manifest", (DIGEST,), ManifestUnknown),
    ("delete_tag", (TAG,), ManifestUnknown),
    ("tags", (PAGE,), NameUnknown),
]


@pytest.mark.parametrize(("method", "arguments", "kind"), CALLS)
def test_it_answers_like_one_that_is_not_there(
    method: str, arguments: tuple[object, ...], kind: type[RegistryError]
) -> None:
    """Every refusal is, word for word, that of a repository to which nothing was pushed."""
    refusals = []
    for repository in (AbsentRepository(NAME), Stack().registry.repository(NAME)):
        with pytest.raises(kind) as refused:
            at_once(getattr(repository, method)(*arguments))
        refusals.append(refused.value.documents())
    assert refusals[0] == refusals[1]


def test_nothing_refers_to_what_is_in_it() -> None:
    """A list of referrers is empty, as it is for what does not exist."""
    absent, fresh = (
        at_once(repository.referrers(DIGEST, (), PAGE))
        for repository in (AbsentRepository(NAME), Stack().registry.repository(NAME))
    )
    assert absent == fresh


def test_nothing_can_be_brought_into_it() -> None:
    """It is a repository in everything, but takes nothing."""
    repository = AbsentRepository(NAME)
    verifyObject(IRepository, repository)
    assert at_once(repository.mount_blob(DIGEST, NAME)) is False
    with pytest.raises(Denied):
        at_once(repository.begin_upload())
    with pytest.raises(Denied):
        at_once(repository.put_manifest(b"{}", None, TAG))
