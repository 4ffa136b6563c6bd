#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""door.py VERB WORDS...: a door (deploy/lib.sh) to the processes of a test.

The test starts and stops them itself (scripts_test.py); this passes the words
on to it over the unix socket DOOR_SOCKET, prints what it says and exits as it says.
"""
import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as s:
    s.connect(os.environ["DOOR_SOCKET"])
    s.sendall(json.dumps(sys.argv[1:]).encode() + b"\n")
    code, text = json.loads(b"".join(iter(lambda: s.recv(65536), b"")))
(sys.stderr if code else sys.stdout).write(text)
sys.exit(code)
