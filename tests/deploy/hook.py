"""What git runs in the host's bare repository before it takes a push: `hook.py PORT FOLDER`.

Only here is the commit visible already, so it is unpacked here, to FOLDER/<commit>. Then it is handed to the host,
which listens on PORT: one line of JSON to it, lines of text from it, the last of them `accepted` or something else.
"""

import io
import json
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

BRANCH = "refs/heads/main"


def hand_over(port: int, commit: str, folder: Path) -> bool:
    packed = subprocess.run(["git", "archive", "--format=tar", commit], check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    line = ""
    with socket.create_connection(("127.0.0.1", port)) as host, host.makefile("rw") as words:
        words.write(json.dumps({"commit": commit, "folder": str(folder)}) + "\n")
        words.flush()
        for line in words:
            print(line, end="", flush=True)
    return line == "accepted\n"


for update in sys.stdin:
    _, commit, ref = update.split()
    if ref == BRANCH and not hand_over(int(sys.argv[1]), commit, Path(sys.argv[2]) / commit):
        sys.exit("the host refused it; the version before goes on")
