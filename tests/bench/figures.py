# SPDX-License-Identifier: Apache-2.0
"""How figures are taken: a load, the CPU time it cost, the memory it took."""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from shell import BIN  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS") or 3)
SECONDS = float(os.environ.get("SECONDS_EACH") or 2)
TOOL = BIN.parent / "tools/load"


def median(values):
    return statistics.median(values)


def run_load(prefix, argv, proxy, env=None):
    options, target = argv[:-2], argv[-2:]
    r = subprocess.run([*prefix, *options, "-d", str(SECONDS), proxy, *target],
                       capture_output=True, text=True, env=env)
    if not r.stdout:
        raise SystemExit(f"load failed: {r.stderr}")
    return json.loads(r.stdout)


def in_sandbox(g, s):
    return [str(BIN / "openshell"), "sandbox", "exec", "-n", s.name,
            "--no-tty", "--", "/sandbox/load"]


def children(pid):
    return [int(p) for p in subprocess.run(
        ["pgrep", "-P", str(pid)], text=True,
        capture_output=True).stdout.split()]


def named(program):
    return [int(p) for p in subprocess.run(
        ["pgrep", "-x", program], text=True,
        capture_output=True).stdout.split()]


def cpu_seconds(pids):
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1]
        ticks += sum(int(n) for n in fields.split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def measured(pids, load, *argv):
    """What the load saw, and the CPU time a request cost these processes."""
    before = cpu_seconds(pids)
    r = load(*argv)
    r["cpu_us"] = ((cpu_seconds(pids) - before) * 1e6
                   / max(r["per_second"] * SECONDS, 1))
    return r


def memory(pid, what):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(n) for n in re.findall(rf"^{what}:\s+(\d+) kB", text,
                                          re.M)) / 1024


def rss(pid):
    return memory(pid, "Rss")


def print_table(head, rows):
    print("\n| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for r in rows:
        print("| " + " | ".join(r) + " |")


def quantity(value, unit):
    """As people read it; None is "-"."""
    if value is None:
        return "-"
    if value >= 1e4 and unit in ("/s", "us"):
        value, unit = value / 1e3, {"/s": "k/s", "us": "ms"}[unit]
    return f"{value:.4g} {unit}"
