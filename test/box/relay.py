# SPDX-License-Identifier: MIT
"""relay: between a process and what it talks to.

    relay = Relay(port)            connect to relay.port instead
    relay.delay = 0.7              seconds; what is said back waits
    Relay(port, change)            change(bytes) -> bytes, of what is said back
"""
import socket
import threading
import time


class Relay:
    def __init__(self, port, change=bytes):
        self.target, self.change, self.delay = port, change, 0.0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            for pair in ((near, far, bytes), (far, near, self.back)):
                threading.Thread(target=self.carry, args=pair, daemon=True).start()

    def back(self, data):
        if self.delay:
            time.sleep(self.delay)  # it is what makes the other side slow
        return self.change(data)

    @staticmethod
    def carry(source, to, change):
        try:
            while data := source.recv(1 << 20):
                to.sendall(change(data))
        except OSError:
            pass
        for s in (source, to):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
