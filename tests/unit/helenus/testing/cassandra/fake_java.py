"""A stand-in for ``java``: answers ``-version``, and as a node the handshake of the protocol.

A file ``broken`` beside it makes it fail as a node. It is copied to where ``java`` is looked for.
"""

import json
import socket
import struct
import sys
import threading
from pathlib import Path

HEADER = struct.Struct(">BBhBi")
ANSWERS = {0x05: (0x06, b"\0\0"), 0x01: (0x02, b""), 0x07: (0x08, b"\0\0\0\1")}


def settings() -> dict[str, object]:
    """The node's cassandra.yaml."""
    (config,) = (argument for argument in sys.argv if argument.startswith("-Dcassandra.config="))
    read: dict[str, object] = json.loads(Path(config.partition("file://")[2]).read_text())
    return read


def converse(client: socket.socket) -> None:
    """Answer each request of one client."""
    while header := client.recv(HEADER.size):
        _, _, stream, opcode, length = HEADER.unpack(header)
        client.recv(length)
        answer, body = ANSWERS[opcode]
        client.sendall(HEADER.pack(0x84, 0, stream, answer, len(body)) + body)


def main() -> None:
    """Be Java."""
    if "-version" in sys.argv:
        sys.stderr.write('openjdk version "17.0.9" 2023-10-17\n')
        return
    if Path(__file__).with_name("broken").exists():
        sys.exit("The commit log is damaged.")
    node = settings()
    with socket.create_server((node["rpc_address"], node["native_transport_port"])) as server:
        while True:
            client, _ = server.accept()
            threading.Thread(target=converse, args=(client,), daemon=True).start()


main()
