"""What engines' answers mean that are no success."""

from __future__ import annotations

import re

import pytest

from oci_twisted.engine import errors
from oci_twisted.engine.drivers.answers import document_of, refusal


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (404, b'{"message":"No such image: a"}', errors.NotFound, "No such image: a"),
        (404, b'{"message":"page not found"}', errors.Unsupported, "does not have this operation"),
        (404, b"Not Found", errors.Unsupported, "does not have this operation"),
        (409, b'{"message":"in use"}', errors.Conflict, "in use"),
        (401, b'{"message":"who?"}', errors.Unauthorized, "who"),
        (403, b'{"message":"no"}', errors.Unauthorized, "no"),
        (403, b'{"message":"network a has active endpoints"}', errors.Conflict, "active"),
        (409, b'{"message":"preparing container a for attach: exec: \\"b\\": executable file not found in $PATH: OCI"}',
         errors.Invalid, "executable"),
        (409, b'{"Errs":["a","b"],"Id":"c"}', errors.Conflict, "^a; b$"),
        (400, b'{"Id":"","errors":["no such"]}', errors.Invalid, "^no such$"),
        (400, b'{"message":"bad"}', errors.Invalid, "bad"),
        (304, b"", errors.NotModified, "so already"),
        (500, b'{"cause":"container state improper","message":"a: container state improper","response":500}',
         errors.Conflict, "a: container state improper"),
        (500, b'{"cause":"no such image","message":"b: no such image","response":500}', errors.NotFound, "b"),
        (500, b'{"message":"invalid reference format: must be lowercase"}', errors.Invalid, "lower"),
        (500, b'{"cause":"invalid signal: NO","message":"invalid signal: NO","response":500}', errors.Invalid, "NO"),
        (500, b'{"message":"dial tcp: lookup a.invalid: no such host"}', errors.EngineError, "no such host"),
        (500, b"", errors.EngineError, "did not say why"),
        (502, b"<html><style>p {}</style><h1>Bad\nGateway</h1>", errors.EngineError, "^Bad Gateway$"),
        (500, b'{"message":"trunc', errors.EngineError, '"message":"trunc'),
        (500, b"\xff\xfe", errors.EngineError, "\ufffd"),
        (500, b"[" * 100_000, errors.EngineError, r"^\[{300}$"),
        (500, b'{"message":{"a":1}}', errors.EngineError, "message"),
        (500, b'{"message":""}', errors.EngineError, "message"),
    ],
)  # fmt: skip
def test_an_answer_is_an_error(status: int, body: bytes, kind: type[errors.EngineError], message: str) -> None:
    """Whatever comes, in whatever form, is an error with its status, and words that were in it."""
    error = refusal(status, body)
    assert type(error) is kind
    assert error.status == status
    assert re.search(message, error.message)


@pytest.mark.parametrize("part", [b"<", b"<script>", b"<style></", b"<a "])
def test_a_page_that_does_not_end_costs_no_more_than_its_bytes(part: bytes) -> None:
    """Tags without an end are not looked for from each of their beginnings: that would take an hour here."""
    assert refusal(502, b"Bad " + part * (2_000_000 // len(part))).message.startswith("Bad")


def test_every_error_says_what_to_do() -> None:
    """Each kind has an advice, which its sentence ends with."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.EngineError)]
    assert len(kinds) == 17
    for kind in kinds:
        error = kind("Something")
        assert str(error) == f"Something. {error.advice}"
        assert error.advice.endswith(".")


def test_a_document_is_read() -> None:
    """JSON is read, nothing is ``None``, and anything else is said."""
    assert document_of(b'{"a": [1]}') == {"a": [1]}
    assert document_of(b" \n") is None
    with pytest.raises(errors.StreamCorrupt, match="is not JSON"):
        document_of(b'{"a": [1')
