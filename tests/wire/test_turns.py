"""
Answers of one turn of the reactor, over real sockets: they leave together, and in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.http.sending import SMALL
from oci_twisted.testing.waiting import soon, waits
from tests.wire.disks import Disk
from tests.wire.messages import get, message
from tests.wire.sockets import eventually, listening

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """Make an empty registry."""
    return Disk(tmp_path / "root")


@waits
async def test_pipelined_answers_keep_their_order_whatever_their_size(disk: Disk) -> None:
    """What leaves by itself, or by sendfile, does not overtake a short answer that is held."""
    small, short = disk.add(100)
    large, long = disk.add(SMALL + 1)
    async with listening(disk.site) as served:
        client = await served.connect()
        client.transport.write((get() + get(small) + get(large)) * 9 + get(small))
        answers = await soon(client.answers(28))
    assert [answer.body for answer in answers] == [b"{}", short, long] * 9 + [short]


@waits
async def test_the_last_answer_leaves_before_the_end(disk: Disk) -> None:
    """A connection that ends behind a short answer does not end before it."""
    async with listening(disk.site) as served:
        client = await served.connect()
        client.transport.write(get() + get("/v2/", "Connection: close"))
        answers = await soon(client.answers(2))
        await soon(eventually(lambda: client.closed))
    assert [answer.closes for answer in answers] == [False, True]


@waits
async def test_a_client_is_told_to_continue_behind_the_answer_before(disk: Disk) -> None:
    """The interim answer belongs to the second request, and comes behind the first one's answer."""
    begin = message(
        "POST", "/v2/a/blobs/uploads/?digest=sha256:" + "0" * 64, "Content-Length: 3", "Expect: 100-continue"
    )
    async with listening(disk.site) as served:
        client = await served.connect()
        client.transport.write(get() + begin)
        await soon(eventually(lambda: b"100 Continue" in client.received))
    assert client.received.startswith(b"HTTP/1.1 200 ")
