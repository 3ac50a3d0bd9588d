"""What the agent shows over HTTP: the page `/` and what it asks for, `/healthz`, `/metrics`. Nothing can be changed."""

import asyncio
import ipaddress
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, exposition

from .events import event
from .facts import Metrics, facts
from .running import Agent

PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
# Only what the page itself brings is run, shown or loaded, whatever a device may be called.
POLICY = "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; connect-src 'self'; base-uri 'none'"
LONGEST_BEGIN, LONGEST_END = 0.5, 1.0
PAUSE = 10.0  # until a port that somebody else has is tried again

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(agent: Agent) -> AsyncIterator[str | None]:
    """Serve the pages of an agent until the block ends; yield their address, if there is one.

    An agent delivers also if somebody else has the port.
    """
    where = agent.configuration.agent.page
    if where == "off":
        yield None
        return
    host, _, port = where.rpartition(":")
    runner = web.AppRunner(application(agent, host), access_log=None, shutdown_timeout=LONGEST_END)
    await runner.setup()
    try:
        listening = asyncio.create_task(_listen(runner, host, int(port)))
        await asyncio.wait({listening}, timeout=LONGEST_BEGIN)
        yield f"http://{host}:{runner.addresses[0][1]}/" if runner.addresses else None
    finally:
        listening.cancel()
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    """Listen as soon as nobody else does."""
    for attempt in itertools.count():
        try:
            await web.TCPSite(runner, host.strip("[]"), port).start()
        except OSError as error:
            if not attempt:
                told = f"agent.page: {error.strerror or error}"
                event("no page", page=f"{host}:{port}", error=told, level="error")
            await asyncio.sleep(PAUSE)
        else:
            if attempt:
                event("page", page=f"{host}:{port}")
            return


def application(agent: Agent, host: str) -> web.Application:
    """Return what answers."""
    registry = CollectorRegistry()
    registry.register(Metrics(agent))
    ProcessCollector(registry=registry)

    @web.middleware
    async def guarded(request: web.Request, handler: Answering) -> web.StreamResponse:
        """Refuse another site's page in the browser of somebody who runs an agent on loopback."""
        if _is_loopback(host) and not _is_loopback(_named(request)):
            raise web.HTTPForbidden(text="this is loopback, and not for others\n")
        answer = await handler(request)
        answer.headers["cache-control"] = "no-store"
        return answer

    async def page(_: web.Request) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        headers = {"content-security-policy": POLICY.format(nonce)}
        return web.Response(text=PAGE.replace("NONCE", nonce), content_type="text/html", headers=headers)

    async def told(_: web.Request) -> web.Response:
        return web.json_response(facts(agent))

    async def health(_: web.Request) -> web.Response:
        ailments = agent.ailments()
        return web.Response(text="\n".join(ailments or ["ok"]) + "\n", status=503 if ailments else 200)

    async def metrics(request: web.Request) -> web.Response:
        write, content_type = exposition.choose_encoder(request.headers.get("accept", ""))
        return web.Response(body=write(registry), headers={"content-type": content_type})

    app = web.Application(middlewares=[guarded])
    app.add_routes(
        [web.get("/", page), web.get("/facts", told), web.get("/healthz", health), web.get("/metrics", metrics)]
    )
    return app


def _named(request: web.Request) -> str:
    """Return the host that somebody asks for, whatever it says."""
    try:
        return request.url.host or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
