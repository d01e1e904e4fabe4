"""References to images, read by Docker's rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_twisted.engine.images.references import ImageReference

DIGEST = f"sha256:{'0a' * 32}"
HUB = "docker.io"


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("alpine", ImageReference(HUB, "library/alpine", "latest")),
        ("alpine:3", ImageReference(HUB, "library/alpine", "3")),
        ("me/tool", ImageReference(HUB, "me/tool", "latest")),
        (f"{HUB}/alpine", ImageReference(HUB, "library/alpine", "latest")),
        (f"index.{HUB}/alpine", ImageReference(HUB, "library/alpine", "latest")),
        ("localhost/tool", ImageReference("localhost", "tool", "latest")),
        ("LOCALHOST/tool", ImageReference("LOCALHOST", "tool", "latest")),
        ("host.test/a/b/c:v1", ImageReference("host.test", "a/b/c", "v1")),
        ("host:5000/a", ImageReference("host:5000", "a", "latest")),
        ("[::1]:5000/a:b", ImageReference("[::1]:5000", "a", "b")),
        (f"host.test/a@{DIGEST}", ImageReference("host.test", "a", None, DIGEST)),
        (f"host.test/a:b@{DIGEST}", ImageReference("host.test", "a", "b", DIGEST)),
        ("host.test/a__b.c-d---e", ImageReference("host.test", "a__b.c-d---e", "latest")),
    ],
)
def test_a_reference_is_read(text: str, reference: ImageReference) -> None:
    """What everybody leaves out is there, and what the whole is written as is read as the same again."""
    assert ImageReference.parse(text) == reference
    assert ImageReference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    ["", ":v1", "a:", "a@", "a/", "/a", "a//b", "A", "me/Tool", "a:b:c", "host.test/", "host.test/a:-x", "host:x/a",
     "a@sha256:12", f"a@{DIGEST}@{DIGEST}", "a b", "a\n", "-host.test/a", "a___b", "a..b", f"a:{'t' * 129}",
     f"host.test/{'a' * 256}", "0a" * 32],
)  # fmt: skip
def test_what_is_no_reference_is_refused(text: str) -> None:
    """It is a `ValueError` that shows the text."""
    with pytest.raises(ValueError, match=r"is not a reference|is an image's id") as caught:
        ImageReference.parse(text)
    assert repr(text) in str(caught.value)


def test_a_digest_decides() -> None:
    """An engine is asked for the digest where there is one, and has the image by that, not by the tag."""
    both = ImageReference.parse(f"host.test/a:b@{DIGEST}")
    assert both.version == DIGEST
    assert both.local == f"host.test/a@{DIGEST}"
    tagged = ImageReference.parse("host.test/a:b")
    assert (tagged.version, tagged.local) == ("b", "host.test/a:b")


@given(st.text(alphabet="aA1._-/:@[]%\n \xe9", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever the text, it is one and the same reference, or a `ValueError`."""
    try:
        reference = ImageReference.parse(text)
    except ValueError:
        return
    assert ImageReference.parse(str(reference)) == reference
