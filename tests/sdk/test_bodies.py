"""Any bytes as a body: a result or a typed error, nothing else. `PRINTOS_EXAMPLES=10000` tries more of them."""

import contextlib
import json
import os

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from printos_ext import PrintOS, PrintOSError

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["2026-01-02T03:04:05Z", ":60"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["devices", "id", "registeredAt", "status", "model"]) | st.text(), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@settings(max_examples=int(os.environ.get("PRINTOS_EXAMPLES", "1000")))
@given(
    body=json_values.map(lambda value: json.dumps(value).encode()) | st.binary(),
    code=st.sampled_from([200, 201, 204, 400, 500]),
)
def test_any_body_is_a_result_or_a_typed_error(body: bytes, code: int) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(code, content=body))
    with httpx.Client(transport=transport) as own, PrintOS("k", "s", http_client=own, max_retries=0) as printos:
        for call in (
            printos.devices.list,
            lambda: printos.devices.provision(model="m", serial_number="s"),
            lambda: printos.devices.update_status("d", "DS_ON"),
        ):
            with contextlib.suppress(PrintOSError):
                call()
