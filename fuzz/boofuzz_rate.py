"""How many cases a second boofuzz plays against a server of `length:u32be`: for a comparison with `echospec fuzz`.

    pip install boofuzz
    echospec serve --listen 7000 --framing length:u32be &
    python3 fuzz/boofuzz_rate.py 7000 20 0.05     # so many seconds; how long a reply is waited for, 0: not at all
    echospec fuzz 7000 --framing length:u32be --time 20s
"""

import sys
import tempfile
import time
from contextlib import redirect_stdout
from io import StringIO

from boofuzz import Block, Request, Session, Size, String, Target, TCPSocketConnection

port, seconds, patience = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
target = Target(connection=TCPSocketConnection("127.0.0.1", port, recv_timeout=patience or 1.0))
message = Request(
    "message",
    children=(
        Size("length", block_name="body", length=4, endian=">", fuzzable=True),
        Block("body", children=(String("text", default_value="hello"),)),
    ),
)
session = Session(
    target=target,
    receive_data_after_fuzz=patience > 0,
    sleep_time=0,
    web_port=None,
    keep_web_open=False,
    fuzz_loggers=[],
    db_filename=tempfile.mktemp(suffix=".db"),
    ignore_connection_reset=True,
    ignore_connection_aborted=True,
    crash_threshold_request=10**9,
    crash_threshold_element=10**9,
)
session.connect(message)

began, cases = time.monotonic(), 0
with redirect_stdout(StringIO()):
    for case in session._generate_mutations_indefinitely():
        session._fuzz_current_case(case)
        cases += 1
        if time.monotonic() - began > seconds:
            break
elapsed = time.monotonic() - began
print(f"{cases} cases in {elapsed:.1f} s ({cases / elapsed:.0f}/s)")
