"""
How containers end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.engine.containers.values import Exit, read_exit
from oci_twisted.engine.documents import Fields
from oci_twisted.engine.errors import EngineError, StreamCorrupt
from oci_twisted.engine.requests import Request

if TYPE_CHECKING:
    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.interfaces import IMessageStream

_METHOD = "container.wait"


class Ending:
    """
    The end of a container that an engine is waiting for.  Whoever has it reads or closes it.
    """

    def __init__(self, container: str, messages: IMessageStream) -> None:
        self._request = Request(_METHOD, {"id": container})
        self._messages = messages

    @classmethod
    async def awaited(cls, calls: Calls, container: str, condition: str | None = None) -> Ending:
        """
        Let the engine wait, which it does when this has been answered: what happens from then on counts.

        :param condition: as in `Containers.wait`.
        """
        return cls(container, await calls.messages(_METHOD, id=container, condition=condition))

    async def exit(self) -> Exit:
        """
        Answer how it has ended, when it has.

        :raise StreamCorrupt: when the engine does not say it.
        """
        try:
            # All of it is read, so that the connection serves again.
            said = [read_exit(Fields(message, "an exit", self._request)) async for message in self._messages]
        finally:
            self.close()
        if not said:
            raise StreamCorrupt("the engine did not say how the container ended", request=self._request)
        return said[0]

    async def code(self) -> int:
        """
        Answer the exit code, when there is one.

        :raise EngineError: when the engine could not wait, in whose answer there is a code nevertheless.
        """
        exit_ = await self.exit()
        if exit_.error:
            raise EngineError(f"how the container ended is not known: {exit_.error}", request=self._request)
        return exit_.code

    def close(self) -> None:
        """Let the engine not wait any more.  May be called again, and always."""
        self._messages.close()
