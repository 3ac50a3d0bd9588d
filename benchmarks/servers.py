"""The server that the clients are measured against: nginx if it is installed, else `quick.py` of the tests.

It answers 200 to whatever comes, plain and with TLS, and has a core of its own if there are two.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import trustme
from attrs import frozen

QUICK = Path(__file__).resolve().parent.parent / "tests" / "peers" / "quick.py"
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600; client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{plain} backlog=2048; listen 127.0.0.1:{tls} ssl backlog=2048;
        ssl_certificate {certificate}; ssl_certificate_key {certificate};
        location / {{ return 200; }}
    }}
}}
"""


@frozen
class Server:
    """What serves, and where."""

    name: str
    plain: int
    tls: int
    authority: Path
    host: str = "127.0.0.1"

    def port(self, is_tls: bool) -> int:  # noqa: FBT001 - as the setting says
        """Return where it listens."""
        return self.tls if is_tls else self.plain


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve until the block ends, with its files in a folder; this process keeps the other core."""
    certificate, authority = folder / "server.pem", folder / "authority.pem"
    ours = trustme.CA()
    ours.cert_pem.write_to_path(str(authority))
    ours.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    nginx = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:1])  # what is started here inherits it
    process, ports = _nginx(nginx, folder, certificate) if nginx else _quick(certificate)
    os.sched_setaffinity(0, cores[-1:])
    try:
        yield Server("nginx" if nginx else "quick.py, as nginx is not installed", *ports, authority)
    finally:
        os.sched_setaffinity(0, cores)
        process.send_signal(signal.SIGTERM)
        process.communicate()


def _nginx(nginx: str, folder: Path, certificate: Path) -> "tuple[subprocess.Popen[str], tuple[int, int]]":
    plain, tls = _free_ports()
    text = NGINX.format(folder=folder, certificate=certificate, plain=plain, tls=tls)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [nginx, "-p", str(folder), "-c", "nginx.conf"], stderr=subprocess.DEVNULL, encoding="utf-8"
    )
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", tls)).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return process, (plain, tls)
    raise SystemExit(f"nginx ended: {(folder / 'error.log').read_text(encoding='utf-8')}")


def _quick(certificate: Path) -> "tuple[subprocess.Popen[str], tuple[int, int]]":
    process = subprocess.Popen([sys.executable, QUICK, certificate], stdout=subprocess.PIPE, encoding="utf-8")
    assert process.stdout  # noqa: S101 - it was asked for
    plain, tls = process.stdout.readline().split()
    return process, (int(plain), int(tls))


def _free_ports() -> tuple[int, int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as one, closing(socket.create_server(("127.0.0.1", 0))) as two:
        return int(one.getsockname()[1]), int(two.getsockname()[1])
