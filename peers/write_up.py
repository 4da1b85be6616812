#!/usr/bin/env python3
"""Writes what `judge.py --record` has found into docs/peers.md, a line for each row.

    peers/write_up.py            writes it
    peers/write_up.py --check    only says whether it is what stands there, and whether every row has been judged
"""

import itertools
import json
import sys

from judge import FOUND, HERE, rows

DOCUMENT = HERE.parent / "docs" / "peers.md"
BEGIN, END = "<!-- {}: written by peers/write_up.py -->\n", "<!-- {}: end -->\n"
SIDES = ("servers", "clients")


def side(row):
    return "clients" if "client" in row else "servers"


def said(row, found):
    """In one line what echospec said, and why."""
    parts = [", ".join(found.get("broken", [])) or found["verdict"].replace("-", " ")]
    if below := found.get("warnings"):
        parts.append("SHOULD: " + ", ".join(below))
    if flaky := found.get("flaky"):
        parts.append("flaky: " + ", ".join(flaky))
    if unsettled := found.get("open"):
        parts.append("open: " + ", ".join(unsettled))
    return "; ".join(parts) + (f" ({row['note']})" if "note" in row else "")


def implementation(row, found):
    registry, _, name = row["from"].rpartition(":")
    of = {"pip": f"PyPI {name}", "npm": f"npm {name}"}.get(registry) or row["of"]
    return f"{of} {found['version']}" + (f", {row['about']}" if row.get("about") else "")


def written(judged, found):
    """A table for each family, under the command that starts it."""
    for group, family in itertools.groupby(judged, key=lambda row: row["group"]):
        family = list(family)
        command = family[0]["run"].replace("{python}", "python3").replace("{out}", "../target/peers")
        yield f"\n### {group}\n\n`{command}`\n\n| row | implementation | echospec |\n|---|---|---|\n"
        for row in family:
            known = found.get(row["id"], {"version": "", "verdict": "not-judged"})
            yield f"| `{row['id']}` | {implementation(row, known)} | {said(row, known)} |\n"
    yield "\n"


def main():
    found = json.loads(FOUND.read_text())
    foreign = [row for row in rows() if "from" in row]
    text = before = DOCUMENT.read_text()
    for name in SIDES:
        head, rest = text.split(BEGIN.format(name))
        _, tail = rest.split(END.format(name))
        table = "".join(written([row for row in foreign if side(row) == name], found))
        text = head + BEGIN.format(name) + table + END.format(name) + tail
    missing = [row["id"] for row in foreign if row["id"] not in found]
    for id in missing:
        print(f"not judged yet: {id}", file=sys.stderr)
    if "--check" not in sys.argv:
        DOCUMENT.write_text(text)
    elif text != before:
        print(f"{DOCUMENT.name} is not what write_up.py writes", file=sys.stderr)
    return 1 if missing or "--check" in sys.argv and text != before else 0


if __name__ == "__main__":
    sys.exit(main())
