# SPDX-License-Identifier: GPL-2.0-or-later
"""A small QMP client for tests (QEMU Machine Protocol specification)."""

import json
import os
import socket
import time

import guest as g


class QmpError(Exception):
    """An error reply: .cls is its class, .args[0] its text."""

    def __init__(self, error):
        super().__init__(error["desc"])
        self.cls = error["class"]


class Qmp:
    """One monitor on a unix socket, with its events kept in order."""

    def __init__(self, path, timeout=60):
        """@path: a unix socket that appears, or a socket that is connected."""
        self.timeout = timeout * g.PATIENCE
        self.events = []
        self.buffer = b""
        connected = isinstance(path, socket.socket)
        self.socket = path if connected else socket.socket(socket.AF_UNIX)
        self.socket.settimeout(self.timeout)
        if not connected:
            self.connect(os.fspath(path))
        self.greeting = self.read()["QMP"]
        self.command("qmp_capabilities")

    def connect(self, path):
        until = time.monotonic() + self.timeout
        while True:
            try:
                self.socket.connect(path)
                return
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def close(self):
        self.socket.close()

    def read(self):
        """The next message of any kind."""
        while b"\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the monitor closed the connection")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def command(self, name, /, **arguments):
        """The return value; QmpError when it is an error."""
        message = {"execute": name}
        if arguments:
            message["arguments"] = {key.replace("_", "-"): value
                                    for key, value in arguments.items()}
        self.socket.sendall(json.dumps(message).encode())
        while True:
            reply = self.read()
            if "event" in reply:
                self.events.append(reply)
            elif "error" in reply:
                raise QmpError(reply["error"])
            else:
                return reply["return"]

    def event(self, name):
        """The next event of that name; earlier ones of others are dropped."""
        while True:
            while self.events:
                event = self.events.pop(0)
                if event["event"] == name:
                    return event
            message = self.read()
            if "event" in message:
                self.events.append(message)

    def migrate(self, uri):
        """Save or send; returns when done, raises when it failed."""
        self.command("migrate", uri=uri)
        until = time.monotonic() + self.timeout
        while time.monotonic() < until:
            state = self.command("query-migrate")
            if state.get("status") == "completed":
                return state
            if state.get("status") in ("failed", "cancelled"):
                raise QmpError({"class": "GenericError", "desc":
                                state.get("error-desc", "migration failed")})
            time.sleep(0.05)
        raise TimeoutError(f"migration is still {state}")
