"""A network between two, that can be cut: what is on its way then comes when it is mended, or later."""

import asyncio
from types import TracebackType
from typing import Self

from attrs import define, field
from server import free_port


@define
class Wire:
    """Leads to a port of this machine; nobody is let in while it is cut."""

    to: int
    late: float = 0.0  # seconds after it was mended, until what was on its way arrives
    is_cut: bool = False
    passed: int = 0  # bytes towards the port
    was_reset: bool = False
    port: int = field(factory=free_port)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._lead, "127.0.0.1", self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        assert self._server
        self._server.close()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.to)
        await asyncio.gather(self._pump(reader, back, is_there=True), self._pump(there, writer, is_there=False))

    async def _mended(self) -> None:
        while self.is_cut:  # noqa: ASYNC110 - the test changes it
            await asyncio.sleep(0.01)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_there: bool) -> None:
        try:
            while data := await reader.read(1 << 16):
                if self.is_cut:
                    await self._mended()
                    await asyncio.sleep(self.late)
                self.passed += len(data) * is_there
                writer.write(data)
                await writer.drain()
        except ConnectionResetError:
            self.was_reset = self.was_reset or is_there
        writer.close()
