#!/usr/bin/env python3
"""Judges implementations that nobody here wrote, and compares what echospec says with what table.toml and clients.toml
expect.

    peers/judge.py ECHOSPEC [PATTERN ...] [--kind right|wrong|hostile] [--at-once N]

A PATTERN is a row of `--list`, or a glob over that, over its first word, or over the group. Rows whose tools are missing
are skipped, and said to be. Ends with 0 if every row that ran is as expected, with 1 if one differs. Linux, Python 3.11,
nothing else.
"""

import argparse
import concurrent.futures
import contextlib
import fnmatch
import itertools
import json
import os
import pathlib
import random
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib

from installed import present, version

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / "target" / "peers"
FOUND = HERE / "found.json"
LIMIT = 180  # seconds for one run of echospec
MUCH_MEMORY = 64  # MiB of echospec's own, worth a mark

running = set()  # leaders of process groups that must not outlive this run
stopping = threading.Event()


def rows():
    """Every server and client under every framing that it is to be judged under."""
    tables = [tomllib.loads((HERE / name).read_text()) for name in ("table.toml", "clients.toml")]
    for group, family in itertools.chain.from_iterable(table.items() for table in tables):
        for peer in family["peers"]:
            row = {key: value for key, value in family.items() if key != "peers"} | peer
            row["group"], row["needs"] = group, family.get("needs", []) + peer.get("needs", [])
            row["needs"] += [row["from"]] if row.get("from", "").startswith(("pip:", "npm:")) else []
            row["kind"] = "wrong" if "breaks" in peer else "hostile" if "within" in peer else "right"
            name = f"{group}/{peer.get('server') or peer['client']}"
            how = (" --exec" if row.get("watched") else "") + (f" {row['options']}" if "options" in row else "")
            for framing in [peer["framing"]] if isinstance(peer["framing"], str) else peer["framing"]:
                yield row | {"framing": framing, "id": f"{name} {framing}{how}"}


def chosen(row, patterns, kind):
    names = (row["id"], row["id"].split()[0], row["group"])
    wanted = not patterns or any(row["id"] == pattern or fnmatch.filter(names, pattern) for pattern in patterns)
    return wanted and kind in (None, row["kind"])


def start(command, log, **options):
    process = subprocess.Popen(command, cwd=HERE, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **options)
    running.add(process.pid)
    return process


def end(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    running.discard(process.pid)


def free_port():
    """One outside the range that the kernel gives to clients, of which echospec is thousands."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def listens(port):
    """Asks the kernel: a connection would be a session, and there are servers that serve only one."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[1].endswith(f":{port:04X}"):
                return True
    return False


def wait_until(condition, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until and not stopping.is_set():
        if condition():
            return True
        time.sleep(0.05)
    return False


def judge(row, echospec):
    """One run of echospec, and what it cost."""
    name = row["id"].translate(str.maketrans("/ :,='\"\\$|", "__________"))
    report = OUT / f"{name}.json"
    report.unlink(missing_ok=True)
    options = ["--framing", row["framing"], "--report", f"json={report}", "--report", f"text={OUT / name}.txt"]
    options += shlex.split(row.get("options", ""))
    with open(OUT / f"{name}.log", "w") as log:
        if "client" in row:
            return measured(start([echospec, "check-client", *options, "--", *command(row)], log), report)
        if row.get("watched"):
            check = [echospec, "check", str(free_port()), "--exec", shlex.join(command(row)), *options]
            return measured(start(check, log), report)
        port = free_port()
        server = start(command(row, port=port), log)
        try:
            if not wait_until(lambda: listens(port) or server.poll() is not None, 30):
                return {"exit": None, "verdict": "never listened"}
            return measured(start([echospec, "check", str(port), *options], log), report)
        finally:
            end(server)


def command(row, **address):
    """What starts a peer. What echospec knows better is left to it."""
    facts = {"server": row.get("server"), "client": row.get("client"), "python": sys.executable, "out": OUT}
    for key, value in (facts | address).items():
        row = row | {"run": row["run"].replace("{%s}" % key, str(value))}
    return shlex.split(row["run"])


def peak_kib(pid):
    """Asked of the kernel while it runs: what wait4 tells of a child is never less than its parent had."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)


def measured(process, report):
    """Waits for echospec, and reads its report."""
    started, usage, peak = time.monotonic(), None, 0

    def ended():
        nonlocal usage, peak
        peak = max(peak, peak_kib(process.pid))
        pid, status, spent = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode, usage = os.waitstatus_to_exitcode(status), spent
        return pid != 0

    in_time = wait_until(ended, LIMIT)
    seconds = time.monotonic() - started
    if not in_time and not stopping.is_set():
        process.send_signal(signal.SIGINT)  # which leaves a partial report
        wait_until(ended, 10)
    end(process)
    result = {"exit": process.returncode if in_time else None, "verdict": "out of time", "seconds": round(seconds, 1)}
    if usage:
        result["cpu"], result["mib"] = round(usage.ru_utime + usage.ru_stime, 1), peak // 1024
    if report.exists():
        said = json.loads(report.read_text())
        verdicts = [(item["id"], item["verdict"], item["level"].lower() == "must") for item in said["requirements"]]
        result["verdict"] = said["verdict"] if in_time else "out of time"
        result["broken"] = [id for id, verdict, must in verdicts if must and verdict == "fail"]
        result["warnings"] = [id for id, verdict, must in verdicts if not must and verdict == "fail"]
        result["flaky"] = [id for id, verdict, _ in verdicts if verdict == "flaky"]
        result["open"] = [id for id, verdict, must in verdicts if must and verdict == "inconclusive"]
    elif in_time:
        result["verdict"] = "no report"
    return result


def complaint(row, result):
    """What is not as expected, or nothing."""
    missing = [id for id in row.get("breaks", []) if not fnmatch.filter(result.get("broken", []), id)]
    unwarned = [id for id in row.get("warns", []) if not fnmatch.filter(result.get("warnings", []), id)]
    if row["kind"] == "hostile":
        exits = row.get("exits", [1, 3])
        if result["exit"] not in exits:
            return f"exit {result['exit']}, expected {' or '.join(map(str, exits))}"
        if result["seconds"] > row["within"]:
            return f"took more than {row['within']} s"
    elif row["kind"] == "wrong" and (result["exit"] != 1 or missing):
        return f"exit {result['exit']}, expected 1 with {', '.join(missing) or 'something broken'}"
    elif row["kind"] == "right" and result["exit"] != 0:
        return f"exit {result['exit']}, expected 0"
    return f"expected a warning of {', '.join(unwarned)}" if unwarned else None


def told(row, result):
    parts = ["DIFFERS" if result["complaint"] else "ok", f"{row['kind']:7}", f"{row['id']:48}", f"{result['verdict']:16}"]
    parts.append(f"{result.get('seconds', 0):6.1f} s  cpu {result.get('cpu', 0):5.1f} s  {result.get('mib', 0):3} MiB")
    parts.append("!" if result.get("mib", 0) > MUCH_MEMORY else " ")
    marks = {"broken": "{}", "warnings": "({})", "flaky": "~{}", "open": "?{}"}
    parts.extend(mark.format(id) for key, mark in marks.items() for id in result.get(key, []))
    return f"{parts[0]:8}" + " ".join(parts[1:]) + (f"  <- {result['complaint']}" if result["complaint"] else "")


def built(row, done={}):
    """Builds a compiled family once; what cannot be built is skipped like what is not installed."""
    command = row.get("build")
    if command and command not in done:
        with open(OUT / f"{row['group']}.build.log", "w") as log:
            done[command] = subprocess.run(["sh", "-c", command.format(out=OUT)], cwd=HERE, stdout=log, stderr=log).returncode == 0
    return not command or done[command]


def record(row, result):
    """What write_up.py puts into docs/peers.md."""
    found = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    said = {key: result[key] for key in ("verdict", "broken", "warnings", "flaky", "open") if result.get(key)}
    found[row["id"]] = {"version": version(row["from"])} | said
    lines = (f"{json.dumps(id)}: {json.dumps(found[id])}" for id in (row["id"] for row in rows()) if id in found)
    FOUND.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("echospec", help="path of the binary")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN")
    parser.add_argument("--kind", choices=["right", "wrong", "hostile"])
    parser.add_argument("--at-once", type=int, default=1, help="rows judged at once (default 1)")
    parser.add_argument("--results", type=pathlib.Path, default=OUT / "results.json", help="file to write")
    parser.add_argument("--record", action="store_true", help=f"keep what is said of libraries and tools in {FOUND.name}")
    parser.add_argument("--list", action="store_true", help="only say which rows there are")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    selected = [row for row in rows() if chosen(row, options.patterns, options.kind)]
    if not selected:
        parser.error("no row matches")
    if options.list:
        print("\n".join(f"{row['kind']:7} {row['id']}" for row in selected))
        return 0
    echospec = str(pathlib.Path(options.echospec).resolve())
    results, skipped = {}, 0

    def judged(row):
        return {"complaint": "interrupted"} if stopping.is_set() else judge(row, echospec)

    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has them ignored, as in the background
        signal.signal(number, signal.default_int_handler)
    pool = concurrent.futures.ThreadPoolExecutor(options.at_once)
    try:
        pending = {}
        for row in selected:
            missing = [need for need in row["needs"] if not present(need)]
            if missing or not built(row):
                skipped += 1
                print(f"skipped {row['kind']:7} {row['id']:48} {'needs ' + ', '.join(missing) if missing else 'does not build'}")
            else:
                pending[pool.submit(judged, row)] = row
        for future in concurrent.futures.as_completed(pending):
            row, result = pending[future], future.result()
            result["complaint"] = complaint(row, result)
            results[row["id"]] = {"kind": row["kind"]} | result
            if options.record and "from" in row:
                record(row, result)
            print(told(row, result), flush=True)
    except KeyboardInterrupt:
        stopping.set()
        for leader in list(running):
            try:
                os.killpg(leader, signal.SIGKILL)
            except ProcessLookupError:
                pass
        print("interrupted", file=sys.stderr)
    pool.shutdown(cancel_futures=True)
    options.results.write_text(json.dumps(results, indent=1) + "\n")
    differ = sum(1 for result in results.values() if result["complaint"])
    print(f"{len(results) - differ} as expected, {differ} differ, {skipped} skipped")
    return 130 if stopping.is_set() else 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
