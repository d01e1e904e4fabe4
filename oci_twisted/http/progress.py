"""
How far a peer has come with what it was sent.
"""

from __future__ import annotations

import socket
import struct
import sys

# ``tcpi_bytes_acked`` in Linux's ``struct tcp_info``.
_BYTES_ACKED = struct.Struct("=Q")
_OFFSET = 120
_TCP_INFO = socket.TCP_INFO if sys.platform == "linux" else None


def acknowledged(transport: object) -> int | None:
    """
    Answer how many bytes the peer's machine has confirmed so far, or ``None`` where nobody can tell.

    That our own buffers and the kernel's have taken some, or nothing, says little of the peer: they hold megabytes.
    """
    handle = getattr(transport, "socket", None)
    if handle is None or _TCP_INFO is None:
        return None
    try:
        info = handle.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _OFFSET + _BYTES_ACKED.size)
        (count,) = _BYTES_ACKED.unpack_from(info, _OFFSET)
    except (OSError, struct.error):
        # No TCP, or a kernel from before 2015.
        return None
    return int(count)
