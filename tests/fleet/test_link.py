"""The connection to NATS: who is let in, what is said when nobody is, and that nothing secret is."""

import asyncio
import base64
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nkeys
import pytest
import trustme
from fleets import linked
from nats_servers import NatsServer, nats_server
from server import free_port
from wires import Wire

from printos_ext.agent.configuration import Nats
from printos_ext.errors import ConfigurationError
from printos_ext.fleet import ending
from printos_ext.fleet.access import options
from printos_ext.fleet.link import Link, LinkError, Msg

pytestmark = pytest.mark.anyio

USERS = 'authorization { users = [ { user: "site", password: "hunter2" } ] }'


def secret_in(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    return str(file)


async def is_let_in(server: NatsServer, access: Nats) -> bool:
    async with Link(server.url, access) as link:
        await link.up(10)
        return bool((await link.api("INFO"))["limits"])


async def refusal(server: NatsServer, access: Nats) -> str:
    """Return what is said by who is not let in."""
    async with Link(server.url, access) as link, asyncio.timeout(20):
        await link.tried.wait()
        with pytest.raises(LinkError) as caught:
            await link.up(0.01)
    return str(caught.value)


async def test_user_and_password_let_in_and_a_wrong_one_is_told_without_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    right = Nats(user="site", password_file=secret_in(tmp_path, "right", "hunter2\n"))
    wrong = Nats(user="site", password_file=secret_in(tmp_path, "wrong", "hunter3\n"))
    with nats_server(tmp_path / "nats", USERS) as server:
        assert await is_let_in(server, right)
        said = await refusal(server, wrong)

    logged = "".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert "Authorization Violation" in said
    assert not any(word in said + logged + repr(wrong) for word in ("hunter2", "hunter3"))


async def test_password_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRINTOS_NATS_USER", "site")
    monkeypatch.setenv("PRINTOS_NATS_PASSWORD", "hunter2")
    with nats_server(tmp_path / "nats", USERS) as server:
        assert await is_let_in(server, Nats())


async def test_seed_of_an_nkey_lets_in(tmp_path: Path) -> None:
    pair = nkeys.from_seed(bytearray(seed(nkeys.PREFIX_BYTE_USER)))
    config = f'authorization {{ users = [ {{ nkey: "{pair.public_key.decode()}" }} ] }}'
    access = Nats(nkey_file=secret_in(tmp_path, "seed", pair.seed.decode()))
    with nats_server(tmp_path / "nats", config) as server:
        assert await is_let_in(server, access)


async def test_creds_file_lets_in(tmp_path: Path) -> None:
    kinds = nkeys.PREFIX_BYTE_OPERATOR, nkeys.PREFIX_BYTE_ACCOUNT, nkeys.PREFIX_BYTE_ACCOUNT, nkeys.PREFIX_BYTE_USER
    operator, system, account, user = (nkeys.from_seed(bytearray(seed(kind))) for kind in kinds)
    limits = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    storage = {"disk_storage": 1 << 30, "mem_storage": 1 << 30, "streams": -1, "consumer": -1}
    told = {
        "operator": jwt(operator, operator, {"type": "operator"}),
        "system": jwt(operator, system, {"type": "account", "limits": {**limits, "wildcards": True}}),
        "account": jwt(operator, account, {"type": "account", "limits": {**limits, **storage, "wildcards": True}}),
        "user": jwt(account, user, {"type": "user", **dict.fromkeys(("subs", "data", "payload"), -1)}),
    }
    keys = {"system": system.public_key.decode(), "account": account.public_key.decode()}
    known = ", ".join(f'{key}: "{told[name]}"' for name, key in keys.items())
    config = (
        f"operator: {told['operator']}\nsystem_account: {keys['system']}\n"
        f"resolver: MEMORY\nresolver_preload: {{ {known} }}\n"
    )
    creds = secret_in(
        tmp_path,
        "site.creds",
        f"-----BEGIN NATS USER JWT-----\n{told['user']}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n",
    )
    with nats_server(tmp_path / "nats", config) as server:
        assert await is_let_in(server, Nats(creds_file=creds))


async def test_tls_trusts_the_given_authority_and_comes_with_a_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name, certificate in (
        ("server", authority.issue_cert("127.0.0.1")),
        ("site", authority.issue_cert("site.example")),
    ):
        certificate.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        certificate.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
    config = (
        f'tls {{ cert_file: "{tmp_path}/server.pem", key_file: "{tmp_path}/server.key", '
        f'ca_file: "{tmp_path}/ca.pem", verify: true }}'
    )
    access = Nats(ca_file=f"{tmp_path}/ca.pem", cert_file=f"{tmp_path}/site.pem", key_file=f"{tmp_path}/site.key")
    with nats_server(tmp_path / "nats", config) as server:
        assert await is_let_in(server, access)
        assert "certificate" in await refusal(server, Nats())


@pytest.mark.parametrize(
    ("access", "why"),
    [
        ({"user": "site"}, "nats.user and nats.password_file go together"),
        ({"user": "site", "password_file": "/nowhere"}, "nats.password_file: /nowhere cannot be read"),
        ({"nkey_file": "/nowhere"}, "nats.nkey_file: /nowhere cannot be read"),
        ({"creds_file": "/nowhere"}, "nats.creds_file: /nowhere cannot be read"),
        ({"ca_file": "/nowhere"}, "nats.ca_file /nowhere"),
    ],
)
async def test_credentials_that_cannot_be_used_are_named(access: Mapping[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        options([], Nats(**access))


async def test_server_that_is_away_is_named_with_the_reason(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, port=free_port())

    assert f"nats://127.0.0.1:{server.port} is away: " in await refusal(server, Nats())


async def test_one_of_several_servers_is_enough(nats: NatsServer) -> None:
    async with Link(f"nats://127.0.0.1:{free_port()},127.0.0.1:{nats.port}", Nats()) as link:
        await link.up(10)


async def test_nats_without_jetstream_is_told(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    server.has_jetstream = False
    server.start()
    try:
        async with linked(server) as link:
            with pytest.raises(Exception, match="start nats-server with -js"):
                await link.api("STREAM.INFO.x")
    finally:
        server.kill()


async def test_link_that_went_down_comes_up_again_and_fails_what_was_asked_meanwhile(tmp_path: Path) -> None:
    with nats_server(tmp_path / "nats") as server:
        async with linked(server) as link:
            ups: list[int] = []

            async def count() -> None:
                ups.append(1)

            link.on_up.append(count)
            await link.subscribe("slow", never)
            asked = asyncio.create_task(link.ask("slow"))
            await asyncio.sleep(0.05)
            server.kill()
            with pytest.raises(LinkError, match="went away before it answered"):
                await asked
            with pytest.raises(LinkError, match="is away"):
                await link.ask("anything")
            assert link.seconds_down > 0
            server.start()
            await link.up(10)

            assert (len(ups), link.seconds_down, link.why_down) == (1, 0.0, None)


async def test_connection_that_is_given_up_sends_nothing_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "PING_EVERY", 0.1)
    monkeypatch.setattr(ending, "PING_WITHIN", 1)
    with nats_server(tmp_path / "nats") as server:
        async with Wire(server.port) as wire, Link(f"nats://127.0.0.1:{wire.port}", Nats()) as link:
            await link.up(10)
            wire.is_cut = True
            # more than the buffers of both ends hold: the rest would follow as soon as there is room
            telling = [asyncio.create_task(link.tell("old", b"x" * 500_000)) for _ in range(100)]
            while link.is_up:  # noqa: ASYNC110 - the link changes it
                await asyncio.sleep(0.01)
            wire.is_cut = False
            await link.up(10)
            await asyncio.gather(*telling, return_exceptions=True)

            assert wire.was_reset
            assert wire.passed < 40_000_000


async def never(_: Msg) -> None:
    """Answer nothing."""


def seed(kind: int) -> bytes:
    """Return a new seed."""
    return bytes(nkeys.encode_seed(os.urandom(32), kind))


def jwt(issuer: nkeys.KeyPair, subject: nkeys.KeyPair, nats: Mapping[str, Any]) -> str:
    """Return a token as `nsc` writes it."""
    claims = {
        "jti": "x",
        "iat": 1,
        "iss": issuer.public_key.decode(),
        "name": "test",
        "sub": subject.public_key.decode(),
        "nats": {**nats, "version": 2},
    }
    head = {"typ": "JWT", "alg": "ed25519-nkey"}
    parts = ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in (head, claims))
    return f"{parts}.{base64.urlsafe_b64encode(issuer.sign(parts.encode())).decode().rstrip('=')}"
