"""The SDK against the platform, one behaviour for each cassette, as recorded."""

import asyncio
import datetime as dt

import pytest
from platforms import Platform
from printos_client.api.devices import update_device_status
from printos_client.models import DeviceStatusUpdate
from vcr.cassette import Cassette

from printos_ext import (
    AsyncPrintOS,
    AuthenticationError,
    ConflictError,
    DeviceState,
    HmacAuth,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    PrintOS,
    RateLimitError,
    SessionAuth,
    UnprocessableEntityError,
)

pytestmark = [pytest.mark.vcr, pytest.mark.block_network]

PRESS = {"model": "HP Indigo 7K", "serial_number": "41000042"}
SEEDED = {"id": "IL42", "model": "HP Indigo 7K", "serialNumber": "41000042"}


def connected(platform: Platform) -> PrintOS:
    return PrintOS(auth=platform.auth, base_url=platform.url)


def test_nobody_is_listed_at_first(platform: Platform) -> None:
    platform.arrange(lambda sandbox: sandbox.seed([]))

    with connected(platform) as printos:
        assert printos.devices.list() == []


def test_provisioned_device_is_listed(platform: Platform) -> None:
    with connected(platform) as printos:
        device = printos.devices.provision(**PRESS, location="Hall 2")
        listed = printos.devices.list()

    assert device.serial_number == "41000042"
    assert isinstance(device.registered_at, dt.datetime)
    assert device.registered_at.tzinfo is not None
    assert device in listed


def test_provisioning_again_replaces_the_device(platform: Platform) -> None:
    with connected(platform) as printos:
        first, second = printos.devices.provision(**PRESS), printos.devices.provision(**PRESS)
        listed = printos.devices.list()

    assert first.id != second.id
    assert [device.id for device in listed if device.id in {first.id, second.id}] == [second.id]


def test_ensuring_again_does_not_replace_the_device(platform: Platform) -> None:
    platform.arrange(lambda sandbox: sandbox.seed([]))

    with connected(platform) as printos:
        assert printos.devices.ensure(**PRESS).id == printos.devices.ensure(**PRESS).id


def test_serial_number_of_another_organisation_is_a_conflict(platform: Platform) -> None:
    platform.arrange(lambda sandbox: sandbox.seed([{**SEEDED, "organisation": "another"}]))

    with connected(platform) as printos, pytest.raises(ConflictError, match="another organisation"):
        printos.devices.provision(**PRESS)


def test_status_and_metrics_are_reported(platform: Platform) -> None:
    with connected(platform) as printos:
        device = printos.devices.provision(**PRESS)
        printos.devices.update_status(
            str(device.id), DeviceState.PRINTING, pages_total=120_345, ink_level=42.5, fuserHours=12, tray={"A4": "low"}
        )
        listed = printos.devices.get(str(device.id))

    assert listed.status == DeviceState.PRINTING


def test_odd_device_id_reaches_its_device(platform: Platform) -> None:
    platform.arrange(lambda sandbox: sandbox.seed([{**SEEDED, "id": "IL/42 ü?#"}]))

    with connected(platform) as printos:
        printos.devices.update_status("IL/42 ü?#", DeviceState.ON)
        assert printos.devices.get("IL/42 ü?#").status == DeviceState.ON


def test_unknown_device_is_not_found(platform: Platform) -> None:
    with connected(platform) as printos, pytest.raises(NotFoundError):
        printos.devices.update_status("IL7", DeviceState.ON)


def test_body_against_the_contract_is_refused_with_its_place(platform: Platform) -> None:
    platform.arrange(lambda sandbox: sandbox.seed([SEEDED]))
    mistake = DeviceStatusUpdate(status=7)  # type: ignore[arg-type]  # the mistake

    with connected(platform) as printos, pytest.raises(UnprocessableEntityError, match=r"body\.status: 7"):
        update_device_status.sync_detailed(device_id="IL42", client=printos.api, body=mistake)


def test_wrong_secret_is_refused(platform: Platform) -> None:
    auth = HmacAuth(platform.key, "wrong", clock=platform.clock)

    with PrintOS(auth=auth, base_url=platform.url) as printos, pytest.raises(AuthenticationError):
        printos.devices.list()


@pytest.mark.printos_sandbox(min_interval=60)
def test_device_that_reports_too_often_is_told_when_to_come_again(platform: Platform) -> None:
    platform.arrange(lambda sandbox: sandbox.seed([SEEDED]))

    with connected(platform).with_options(max_retries=0) as printos:
        printos.devices.update_status("IL42", DeviceState.ON)
        with pytest.raises(RateLimitError) as caught:
            printos.devices.update_status("IL42", DeviceState.PRINTING)

    assert caught.value.response.headers["retry-after"] == "60"


def test_server_in_trouble_is_asked_again(platform: Platform, vcr: Cassette) -> None:
    platform.arrange(lambda sandbox: sandbox.fault("status", status=503, retry_after=0, count=1))

    with connected(platform) as printos:
        assert printos.devices.list() == []

    assert [response["status"]["code"] for response in vcr.responses] == [503, 200]


def test_server_that_stays_in_trouble_is_an_error(platform: Platform) -> None:
    platform.arrange(lambda sandbox: sandbox.fault("status", status=520, body="<html>sorry</html>"))

    with connected(platform).with_options(max_retries=1) as printos, pytest.raises(InternalServerError, match="520"):
        printos.devices.list()


@pytest.mark.printos_sandbox(auth="session")
def test_one_login_serves_until_the_session_ends(platform: Platform, vcr: Cassette) -> None:
    with PrintOS(auth=SessionAuth(platform.key, platform.secret), base_url=platform.url) as printos:
        printos.devices.list()
        device = printos.devices.provision(**PRESS)
        platform.arrange(lambda sandbox: sandbox.move_clock(2 * 3600))
        printos.devices.update_status(str(device.id), DeviceState.ON)

    assert [f"{request.method} {request.path}" for request in vcr.requests] == [
        "POST /devices/login",
        "GET /devices",
        "POST /devices",
        f"PUT /devices/{device.id}/status",
        "POST /devices/login",
        f"PUT /devices/{device.id}/status",
    ]


@pytest.mark.printos_sandbox(auth="session")
def test_device_reports_with_its_own_login_and_for_itself_only(platform: Platform) -> None:
    platform.arrange(lambda sandbox: sandbox.seed([{**SEEDED, "id": "IL43", "serialNumber": "41000043"}]))
    with PrintOS(auth=SessionAuth(platform.key, platform.secret), base_url=platform.url) as administrator:
        device = administrator.devices.provision(**PRESS)

    own = SessionAuth(device["login"], device["password"])
    with PrintOS(auth=own, base_url=platform.url) as printos:
        printos.devices.update_status(str(device.id), DeviceState.ON)
        with pytest.raises(PermissionDeniedError):
            printos.devices.update_status("IL43", DeviceState.ON)


@pytest.mark.default_cassette("status_and_metrics_are_reported")
def test_async_client_says_the_same(platform: Platform) -> None:
    async def reported() -> None:
        async with AsyncPrintOS(auth=platform.auth, base_url=platform.url) as printos:
            device = await printos.devices.provision(**PRESS)
            await printos.devices.update_status(
                str(device.id),
                DeviceState.PRINTING,
                pages_total=120_345,
                ink_level=42.5,
                fuserHours=12,
                tray={"A4": "low"},
            )
            await printos.devices.list()

    asyncio.run(reported())
