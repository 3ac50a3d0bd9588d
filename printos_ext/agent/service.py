"""What the agent says to systemd, and the watchdog that ends a process which lives and does not deliver."""

import faulthandler
import os
import re
import shutil
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

UNIT = """\
[Unit]
Description=printos {words}: keeps HP PrintOS up to date
Wants=network-online.target
After=network-online.target time-sync.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command} {words} --config {configuration} --log-json
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5
# A damaged outbox is saved before anything else, however large it is.
TimeoutStartSec=30min
TimeoutStopSec=15
WatchdogSec=60
Environment=XDG_STATE_HOME=/var/lib PYTHONUNBUFFERED=1
# What only root may read; agent.toml names it, as in secret_file = "$CREDENTIALS_DIRECTORY/secret"
{credentials}
DynamicUser=yes
StateDirectory=printos
StateDirectoryMode=0700
UMask=0077
LimitNOFILE=65536
CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""

CREDENTIAL = re.compile(r"\$\{?CREDENTIALS_DIRECTORY\}?/(\w[\w.-]*)")
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - from the service


def unit(words: str, configuration: Path, secret: Path) -> str:
    """Return a systemd unit that runs words of this installation, with as few rights as it can do with.

    Other credentials that the configuration names are expected beside the secret.
    """
    command = shutil.which("printos", path=str(Path(sys.executable).parent)) or f"{sys.executable} -m printos_ext.cli"
    files = {"secret": secret}
    names = _credentials_in(configuration)
    credentials = "".join(f"LoadCredential={name}:{files.get(name, secret.parent / name)}\n" for name in names)
    return UNIT.format(command=command, words=words, configuration=configuration, credentials=credentials)


def hidden(*paths: Path) -> list[Path]:
    """Return those that the service of a unit does not see."""
    return [path for path in paths if any(path.is_relative_to(folder) for folder in HIDDEN)]


def _credentials_in(configuration: Path) -> list[str]:
    """Return the names of the credentials in a configuration; of one that is still to be written, the usual one."""
    try:
        return list(dict.fromkeys(CREDENTIAL.findall(configuration.read_text("utf-8"))))
    except (OSError, ValueError):
        return ["secret"]


def notify(*lines: str, environment: Mapping[str, str] = os.environ) -> None:
    """Tell systemd, if it is there and wants to know: READY=1, WATCHDOG=1, RELOADING=1, STOPPING=1."""
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        there.sendall("\n".join(lines).encode())


def live_for(seconds: float) -> None:
    """Let the process live for so long; if nobody allows more until then, it says where it hangs, and ends.

    The thread that counts is not Python's: it also ends a process whose interpreter hangs.
    """
    faulthandler.dump_traceback_later(max(0.001, seconds), exit=True)
