"""The configuration: all of it is checked, and every fault is told with its line and key."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from printos_ext import ConfigurationError
from printos_ext.agent.attached import Attached
from printos_ext.agent.configuration import parsed, read_configuration, secret
from printos_ext.agent.places import line_of
from printos_ext.agent.running import checked

WHOLE = """\
[printos]
base_url = "https://printos.example"

[outbox]
path = "/var/lib/printos/outbox.db"  # [delivery]
history = true
max_bytes = 10_000_000
when_full = "drop-oldest"

[delivery]
min_interval = 90
heartbeat = 600
concurrency = 8
timeout = 5.5

[reading]
every = 20
timeout = 7
failures_until_off = 5
off_when_stopping = false

[agent]
attached = false
page = "127.0.0.1:0"
watchdog = 30

[[device]]
id = "IL42"
sources = [
    "sim://press",
    "jsonl:/tmp/x",
]
name = '''
press 1'''

[[device]]
serial_number = "F-17"
sources = ["sim://folder"]
every = 5
"""


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parsed(text, [], name="agent.toml")
    return str(caught.value).splitlines()


def test_everything_that_can_be_said_is_taken() -> None:
    said = parsed(WHOLE, [], name="agent.toml")

    assert said.printos.url == "https://printos.example"
    assert (said.outbox.history, said.outbox.when_full, said.outbox_path.name) == (True, "drop-oldest", "outbox.db")
    assert (said.delivery.min_interval, said.delivery.timeout) == (90, 5.5)
    assert (said.reading.failures_until_off, said.reading.off_when_stopping, said.agent.watchdog) == (5, False, 30)
    assert [(device.called, device.every) for device in said.devices.values()] == [("IL42", 20), ("F-17", 5)]
    assert said.devices["IL42"].sources == ("sim://press", "jsonl:/tmp/x")


@pytest.mark.parametrize("written", ['outbox = "{}"', '[outbox]\npath = "{}"'])
def test_outbox_may_be_a_file_or_on_nats(written: str) -> None:
    file, sqlite, nats = (
        parsed(f"{written.format(one)}\n", [], name="agent.toml")
        for one in ("/var/lib/o.db", "sqlite:/var/lib/o.db", "nats://a:4222,[::1]:4222,b")
    )

    assert (file.outbox_path, file.on_nats) == (Path("/var/lib/o.db"), None)
    assert (sqlite.outbox_path, sqlite.on_nats) == (Path("/var/lib/o.db"), None)
    assert (nats.outbox_path.name, nats.on_nats) == ("outbox.db", "nats://a:4222,[::1]:4222,b")


def test_spool_and_outbox_lie_beside_the_file_that_names_them(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    for text in ('outbox = "sqlite:o.db"\n', 'outbox = "nats://a"\n[nats]\nspool = "o.db"\n'):
        file.write_text(text, encoding="utf-8")

        assert read_configuration(file, []).outbox_path == tmp_path / "o.db"


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ('outbox = "nats://user:hunter2@a"', 1, "outbox"),
        ('outbox = "nats://"', 1, "outbox"),
        ('outbox = "tls://a:4222,"', 1, "outbox"),
        ('outbox = "sqlite:"', 1, "outbox"),
        ('[outbox]\npath = "nats://a b"', 2, "outbox.path"),
        ('[nats]\nfleet = "a.b"', 2, "nats.fleet"),
        ("[nats]\nreplicas = 0", 2, "nats.replicas"),
        ('[nats]\npassword = "hunter2"', 2, "nats.password"),
    ],
)
def test_fault_of_nats_is_told_with_its_place_and_without_a_secret(text: str, line: int, key: str) -> None:
    with pytest.raises(ConfigurationError, match=f"agent.toml, line {line}: {key}: ") as caught:
        parsed(text, [], name="agent.toml")

    assert "hunter2" not in str(caught.value)


def test_outbox_may_be_named_with_a_variable_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/printos")

    said = parsed('[outbox]\npath = "$STATE_DIRECTORY/${STATE_DIRECTORY}/a$"\n', [], name="agent.toml")

    assert said.outbox_path == Path("/var/lib/printos//var/lib/printos/a$")


def test_nothing_said_is_a_configuration() -> None:
    assert parsed("", [], name="agent.toml").delivery.min_interval == 60


@pytest.mark.parametrize(
    ("before", "after", "line", "key"),
    [
        ("min_interval = 90", "min_interval = -1", 11, "delivery.min_interval"),
        ("min_interval = 90", "min_interval = nan", 11, "delivery.min_interval"),
        ("min_interval = 90", "min_interval = true", 11, "delivery.min_interval"),
        ("concurrency = 8", "concurrency = 8.5", 13, "delivery.concurrency"),
        ("concurrency = 8", "concurrencies = 8", 13, "delivery.concurrencies"),
        ("history = true", 'history = "yes"', 6, "outbox.history"),
        ('when_full = "drop-oldest"', 'when_full = "explode"', 8, "outbox.when_full"),
        ("https://printos.example", "ftp://printos.example", 2, "printos.base_url"),
        ("outbox.db", "out\\u0000box.db", 5, "outbox.path"),
        ("/var/lib", "$NOBODY_SET_THIS", 5, "outbox.path"),
        ("/var/lib", "${NOBODY_SET_THIS}", 5, "outbox.path"),
        ("/var/lib", "~", 5, "outbox.path"),
        ("/var/lib/printos/outbox.db", "http://nats:4222", 5, "outbox.path"),
        ("/var/lib/printos/outbox.db", "nats://nats:4222,nats:99999", 5, "outbox.path"),
        ("127.0.0.1:0", "127.0.0.1:٣", 24, "agent.page"),
        ("127.0.0.1:0", "a b:9", 24, "agent.page"),
        ("[outbox]", 'key = "k"\nkey_file = "f"\n[outbox]', 5, "printos.key_file"),
        ("[outbox]", 'secret_file = "\\u0000"\n[outbox]', 4, "printos.secret_file"),
        ("127.0.0.1:0", "127.0.0.1", 24, "agent.page"),
        ('"sim://press"', '"smb://press"', 29, "device[0].sources"),
        ('"sim://press"', "7", 29, "device[0].sources"),
        ('"jsonl:/tmp/x",', '"jsonl:",', 29, "device[0].sources"),
        ("press 1", " ", 33, "device[0].name"),
        ('id = "IL42"', 'id = ".."', 28, "device[0].id"),
        ('serial_number = "F-17"', 'id = "IL42"', 37, "device[1].id"),
        ('sources = ["sim://folder"]', "", 36, "device[1]"),
        ("[reading]", "[readings]", 16, "readings"),
        ("[[device]]\nserial", "[[devices]]\nserial", 36, "devices"),
    ],
)
def test_fault_is_told_with_line_and_key(before: str, after: str, line: int, key: str) -> None:
    assert before in WHOLE

    told = refused(WHOLE.replace(before, after))

    assert [one.startswith(f"agent.toml, line {line}: {key}: ") for one in told] == [True], told


def test_list_of_devices_that_is_none_is_told_how_to_write_it() -> None:
    assert refused('[device]\nid = "IL42"\n') == [
        "agent.toml, line 1: device: a device is a table in a list: write [[device]]"
    ]


def test_mark_of_an_editor_at_the_beginning_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text("[delivery]\nmin_interval = 90\n", encoding="utf-8-sig")

    assert read_configuration(file, []).delivery.min_interval == 90


def test_all_faults_are_told_at_once() -> None:
    told = refused(WHOLE.replace("min_interval = 90", "min_interval = -1").replace("watchdog = 30", "watchdog = 0"))

    assert len(told) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('sources = ["sim://a"]', 'sources = ["sim://a"]'),
        ('id = "A"\nsources = ["sim://a"]', 'serial_number = "A"\nsources = ["sim://b"]'),
        ('serial_number = "A"\nsources = ["sim://a"]', 'id = "A"\nsources = ["sim://b"]'),
        ('id = "A"\nsources = ["sim://a"]', 'id = "A"\nsources = ["sim://b"]'),
    ],
)
def test_devices_that_cannot_be_told_apart_are_refused_with_both_lines(one: str, other: str) -> None:
    (told,) = refused(f"[[device]]\n{one}\n\n[[device]]\n{other}\n")

    first, second = (2, 6) if one.startswith("id") and other.startswith("id") else (1, 3 + one.count("\n") + 1)
    assert told.startswith(f"agent.toml, line {second}: device[1]"), told
    assert told.endswith(f"(line {first})"), told


def test_many_faults_are_counted_and_the_first_ten_told() -> None:
    told = refused('[[device]]\nsources = ["sim://press"]\nevry = 5\n' * 1000)

    assert [one.split(":")[0] for one in told[:10]] == [f"agent.toml, line {line}" for line in range(3, 33, 3)]
    assert told[10:] == ["agent.toml: and 990 more"]


def test_text_that_is_no_toml_is_told_with_its_place() -> None:
    (told,) = refused(WHOLE.replace("every = 20", "every = twenty"))

    assert told.startswith("agent.toml: it is no TOML")
    assert "line 17" in told


def test_text_that_is_nested_too_deep_is_refused() -> None:
    (told,) = refused(f"x = {'[' * 3000}{']' * 3000}")

    assert told.startswith("agent.toml: it is no TOML that can be read: ")


def test_call_that_may_take_longer_than_the_watchdog_waits_is_refused() -> None:
    (told,) = refused("[delivery]\ntimeout = 20\n[agent]\nwatchdog = 15\n")

    assert told.startswith("agent.toml, line 2: delivery.timeout: ")


SERVER = "https://printos.example"


def attached(number: int, server: str = SERVER) -> Attached:
    return Attached(f"id{number}", server, "T250", f"S{number}", (f"sim://press?seed={number}",))


def test_devices_that_are_attached_are_read_too_if_they_are_of_the_same_server() -> None:
    text = f'[printos]\nbase_url = "{SERVER}/"\n[[device]]\nid = "id1"\nsources = ["sim://other"]\n'

    said = parsed(text, [attached(1), attached(2), attached(3, "https://elsewhere.example")], name="agent.toml")

    assert {name: device.sources for name, device in said.devices.items()} == {
        "id1": ("sim://other",),
        "id2": ("sim://press?seed=2",),
    }


def test_what_needs_a_restart_stays_as_it_was_and_the_rest_is_checked_with_it() -> None:
    before = parsed("[agent]\nwatchdog = 20\n", [], name="agent.toml")
    after = parsed("[agent]\nwatchdog = 40\n[delivery]\ntimeout = 19\n", [], name="agent.toml")
    too_long = parsed("[agent]\nwatchdog = 40\n[delivery]\ntimeout = 20\n", [], name="agent.toml")

    fitting = after.fitting(before)

    assert (fitting.agent.watchdog, fitting.delivery.timeout, after.unlike(before)) == (20, 19, ["agent"])
    with pytest.raises(ConfigurationError, match=r"delivery\.timeout: 20 .* agent\.watchdog stays 20"):
        too_long.fitting(before)


@pytest.mark.parametrize("is_read", [True, False])
def test_attached_devices_are_read_as_they_were_until_a_restart(*, is_read: bool) -> None:
    text = '[printos]\nbase_url = "{}"\n[agent]\nattached = {}\n[[device]]\nid = "d0"\nsources = ["sim://press"]\n'
    one, other = (text.format(SERVER, str(said).lower()) for said in (is_read, not is_read))
    before = parsed(one, [attached(1)], name="agent.toml")

    fitting = parsed(other, [attached(1), attached(2)], name="agent.toml").fitting(before)

    assert list(fitting.devices) == (["d0", "id1", "id2"] if is_read else ["d0"])


def test_secret_that_everybody_may_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    file = tmp_path / "secret"
    file.write_text("hunter2\n", encoding="utf-8")
    file.chmod(0o600)
    assert secret("printos.secret_file", "$CREDENTIALS_DIRECTORY/secret") == "hunter2"

    file.chmod(0o600 | stat.S_IROTH)
    for name in ("$CREDENTIALS_DIRECTORY/secret", "$CREDENTIALS_DIRECTORY/nothing"):
        with pytest.raises(ConfigurationError, match=r"printos\.secret_file: .*/(secret|nothing)"):
            secret("printos.secret_file", name)


@pytest.mark.parametrize(
    ("text", "mode", "is_told"),
    [
        ('[printos]\nkey = "k"\n', 0o644, False),
        ('[[device]]\nsources = ["sim://press", "snmp://hunter2@10.0.0.7"]\n', 0o644, True),
        ('[[device]]\nsources = ["sim://press", "snmp://hunter2@10.0.0.7"]\n', 0o640, False),
        ('[[device]]\nsources = ["http://10.0.0.7/?key=hunter2"]\n', 0o644, True),
        ('[[device]]\nsources = ["snmp://10.0.0.7?version=1"]\n', 0o644, False),
    ],
)
def test_configuration_with_secrets_that_everybody_may_read_is_told(
    text: str, mode: int, *, is_told: bool, tmp_path: Path
) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)

    assert read_configuration(file, []).exposed_in == (file if is_told else None)


def test_secret_that_never_ends_or_never_begins_is_refused(tmp_path: Path) -> None:
    pipe, empty = tmp_path / "pipe", tmp_path / "empty"
    os.mkfifo(pipe, 0o600)
    empty.write_text("\n", encoding="utf-8")
    empty.chmod(0o600)

    for file, why in ((pipe, "it is no file"), (empty, "is empty")):
        with pytest.raises(ConfigurationError, match=rf"printos\.secret_file: .*{why}"):
            secret("printos.secret_file", str(file))


@pytest.mark.parametrize("said", ['login = "someone"', 'password_file = "password"'])
def test_login_and_its_password_go_together(said: str) -> None:
    with pytest.raises(ConfigurationError, match=r"printos\.login and printos\.password_file go together"):
        checked(parsed(f"[printos]\n{said}\n", [], name="agent.toml"))


values: Any = st.recursive(
    st.sampled_from(["7", "-1", "1e400", "nan", "true", '"x"', '"sim://x"', "1979-05-27", "[]", "[[]]", "{}", "''"]),
    lambda inner: st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
    max_leaves=5,
)
names = st.sampled_from(
    ["id", "sources", "every", "path", "page", "timeout", "x", "base_url", "key", "'a b'", "max_bytes"]
)
headers = st.sampled_from(
    ["[printos]", "[outbox]", "[delivery]", "[agent]", "[[device]]", "[device]", "[x.y]", "[[printos]]"]
)
lines = st.lists(headers | st.tuples(names, values).map(" = ".join), max_size=12)


@settings(max_examples=int(os.environ.get("PRINTOS_EXAMPLES", "500")))
@given(lines.map("\n".join) | st.text(max_size=30))
def test_any_text_is_a_configuration_or_refused(text: str) -> None:
    try:
        parsed(text, [], name="agent.toml")
    except ConfigurationError as error:
        assert "agent.toml" in str(error)  # noqa: PT017 - either is fine


@settings(max_examples=int(os.environ.get("PRINTOS_EXAMPLES", "300")))
@given(
    st.lists(
        st.sampled_from(["", "# c", "a = 1", "b = [\n1,\n\n2]", "c = '''\n[x]\n'''", "[t]\nd = 1"]),
        max_size=8,
        unique=True,
    )
)
def test_place_is_the_line_on_which_something_begins(parts: list[str]) -> None:
    text = "\n".join([*parts, "[[z]]", "e = 1", "[[z]]", "f = [", "2]", "g = 1"])
    lines = text.splitlines()

    assert line_of(text, ("z", 1, "f")) == len(lines) - 2
    assert line_of(text, ("z", 1, "g")) == len(lines)
    assert line_of(text, ("z", 1)) == len(lines) - 3
    assert line_of(text, ("z", 0, "e")) == len(lines) - 4
