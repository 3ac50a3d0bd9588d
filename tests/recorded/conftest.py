"""Replays what was recorded, without network; records it from a sandbox, or from a platform, when `make record` asks.

A cassette holds no credentials: whatever carries one is REDACTED on both sides, when recording and before comparing.
A request that is not in its cassette is an error, and so is a recorded request that is not made any more.
"""

import datetime as dt
import os
from collections.abc import Iterator
from typing import Any

import cassettes
import pytest
from platforms import Platform
from vcr import VCR
from vcr.cassette import Cassette

from printos_ext import retries
from printos_ext.sandbox import Sandbox

NOWHERE = "https://printos.invalid"
MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
KEY, SECRET = "key", "secret"


@pytest.fixture
def platform(request: pytest.FixtureRequest, record_mode: str) -> Iterator[Platform]:
    mark = request.node.get_closest_marker("printos_sandbox")
    real = os.environ.get("RECORD_FROM")
    if record_mode == "none":
        yield Platform(NOWHERE, lambda: MOMENT, KEY, SECRET)
    elif real:
        if mark:
            pytest.skip("only a sandbox can be brought to do this")
        key, secret = os.environ["PRINTOS_API_KEY"], os.environ["PRINTOS_API_SECRET"]
        yield Platform(real, lambda: dt.datetime.now(dt.UTC), key, secret, is_real=True)
    else:
        with Sandbox(seed=42, key=KEY, secret=SECRET, **(mark.kwargs if mark else {})) as sandbox:
            sandbox.set_clock(MOMENT)
            yield Platform(sandbox.url, lambda: MOMENT, KEY, SECRET, sandbox)


@pytest.fixture(autouse=True)
def quick_and_repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.01)


@pytest.fixture(autouse=True)
def nothing_recorded_is_left_out(vcr: Cassette | None, record_mode: str) -> Iterator[None]:
    yield
    if vcr is not None and record_mode == "none":
        assert vcr.all_played, "the client makes fewer calls than were recorded"


@pytest.fixture(scope="module")
def vcr_cassette_dir() -> str:
    return os.environ.get("RECORD_TO", str(cassettes.FOLDER))


@pytest.fixture
def default_cassette_name(request: pytest.FixtureRequest) -> str:
    mark = request.node.get_closest_marker("default_cassette")
    return str(mark.args[0] if mark else request.node.name.removeprefix("test_"))


@pytest.fixture
def vcr_config(platform: Platform) -> dict[str, Any]:
    return {
        "match_on": ["method", "uri", "headers", "body"],
        "before_record_request": cassettes.scrubbing(platform.url, platform.key, platform.secret),
        "before_record_response": cassettes.scrubbed_response,
        "decode_compressed_response": True,
    }


def pytest_recording_configure(vcr: VCR) -> None:
    real = os.environ.get("RECORD_FROM")
    moment = dt.datetime.now(dt.UTC).replace(microsecond=0) if real else MOMENT
    provenance = {
        "from": real or "the sandbox of this project, its clock and its ids fixed; no server of HP's was involved",
        "at": moment.isoformat().replace("+00:00", "Z"),
    }
    vcr.register_serializer("yaml", cassettes.Serializer(provenance))
