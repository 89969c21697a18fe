# SPDX-License-Identifier: Apache-2.0
"""Looks for a secret wherever somebody in a sandbox, or whoever holds it for
them, could have left it.

Each function gives the places where it was found, as texts for people.  None
of them puts the secret, or what is made of it, into the sandbox.
"""

import array
import base64
import os
import pathlib

PAGE = 4096
AT_ONCE = 16 << 20


def forms_of(secret):
    """The bytes to look for.  A part of it is as bad as the whole, and so is
    it as base64, whatever stands before it, or as two bytes a character."""
    core = secret[-40:-4].encode()
    encoded = [base64.b64encode(b"x" * i + core)[4:-4] for i in range(3)]
    return [core, core.decode().encode("utf-16-le"), *encoded]


def has_one(data, forms):
    return any(f in data for f in forms)


def read(path):
    try:
        return pathlib.Path(path).read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def processes():
    """(pid, how many process namespaces deep)"""
    for name in os.listdir("/proc"):
        if name.isdigit():
            for line in read(f"/proc/{name}/status").splitlines():
                if line.startswith(b"NSpid:"):
                    yield int(name), len(line.split()) - 1


def sandbox_processes():
    return [pid for pid, depth in processes() if depth > 1]


def is_alive(pid):
    fields = read(f"/proc/{pid}/stat").rsplit(b")", 1)[-1].split()
    return bool(fields) and fields[0] != b"Z"


def name_of(pid):
    return f"{pid} {read(f'/proc/{pid}/comm').decode().strip()}"


def in_environments(forms, pids=None):
    return [name_of(pid) for pid in pids or sandbox_processes()
            if has_one(read(f"/proc/{pid}/environ"), forms)]


def in_arguments(forms):
    """Of every process there is, in sandboxes and outside."""
    return [name_of(pid) for pid, _ in processes()
            if has_one(read(f"/proc/{pid}/cmdline"), forms)]


def present_pages(pagemap, start, end):
    """(first, last + 1) of the runs of pages that are there."""
    at, begun = start // PAGE, None
    while at < end // PAGE:
        n = min(end // PAGE - at, 1 << 17)
        data = os.pread(pagemap, n * 8, at * 8)
        entries = array.array("Q", data) if data.strip(b"\0") else ()
        for i, entry in enumerate(entries):
            if entry >> 62:  # present or swapped out
                begun = at + i if begun is None else begun
            elif begun is not None:
                yield begun * PAGE, (at + i) * PAGE
                begun = None
        if not entries and begun is not None:
            yield begun * PAGE, at * PAGE
            begun = None
        at += n
    if begun is not None:
        yield begun * PAGE, end


def has_region(mem, start, end, forms):
    tail = b""
    for at in range(start, end, AT_ONCE):
        try:
            data = os.pread(mem, min(AT_ONCE, end - at), at)
        except OSError:
            return False  # unmapped meanwhile, or a device's
        if has_one(tail + data, forms):
            return True
        tail = data[-256:]
    return False


def regions(pid):
    """What a process could have written to; not its program's text."""
    for line in read(f"/proc/{pid}/maps").decode().splitlines():
        span, flags, _, _, inode, *name = line.split(maxsplit=5)
        is_text = inode != "0" and "w" not in flags
        if flags[0] == "r" and not is_text and name != ["[vvar]"]:
            start, end = (int(x, 16) for x in span.split("-"))
            yield start, end, " ".join(name) or "anonymous"


def in_memory(forms, pids=None):
    found = []
    for pid in pids or sandbox_processes():
        try:
            mem = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
            pagemap = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY)
        except (FileNotFoundError, ProcessLookupError):
            continue
        for start, end, what in regions(pid):
            if any(has_region(mem, a, b, forms)
                   for a, b in present_pages(pagemap, start, end)):
                found.append(f"{name_of(pid)}: {what}")
        os.close(mem)
        os.close(pagemap)
    return found


def in_files_of(sandbox, forms):
    """All that agents can write under the default policy, and those of
    policies/agents: read from inside, as an archive."""
    with sandbox.gateway.popen(
            "sandbox", "exec", "-n", sandbox.name, "--no-tty", "--", "tar",
            "-cf", "-", "/sandbox", "/tmp", stdin=-3, stdout=-1,
            stderr=-3) as p:
        tail, hit = b"", False
        while data := p.stdout.read(AT_ONCE):
            hit = hit or has_one(tail + data, forms)
            tail = data[-256:]
    assert p.returncode in (0, 1), "tar: 1 is a file that changed"
    return [sandbox.name] if hit else []


def in_directory(directory, forms):
    """Files of the gateway's, its database and the write-ahead log among
    them.  A sandbox's home may be closed to us; in_files_of reads that."""
    found = []
    for where, _, names in os.walk(directory):
        for path in (pathlib.Path(where, name) for name in names):
            try:
                if (path.is_file() and not path.is_symlink() and
                        has_one(path.read_bytes(), forms)):
                    found.append(str(path))
            except (PermissionError, FileNotFoundError):
                pass
    return found


def in_logs_of(sandbox, forms):
    out = sandbox.gateway.ok("logs", sandbox.name, "-o", "json", "-n", 1000,
                             "--level", "trace").out
    assert out.strip()
    return ["logs"] if has_one(out.encode(), forms) else []
