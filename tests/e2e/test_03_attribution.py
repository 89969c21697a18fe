# SPDX-License-Identifier: Apache-2.0
"""A connection belongs to the program that made it, whatever comes after."""

from shell import REST, allow, policy

API = "https://api.github.com"
ONLY_CURL = policy(allow("echo.example.com", 7000, "protocol: tcp",
                         "/usr/bin/curl"))

# Connects as python3, then becomes curl: by the time anybody looks into
# /proc, the socket belongs to curl.
CONNECT_THEN_EXEC = """
import os, socket, sys, time
s = socket.socket()
os.set_inheritable(s.fileno(), True)
s.setblocking(False)
try: s.connect(("echo.example.com", 7000))
except BlockingIOError: pass
if os.fork() == 0:
    # A scan of /proc, as a proxy would do one at accept time.
    time.sleep(0.3)
    inode = os.fstat(s.fileno()).st_ino
    print("scan:", os.readlink("/proc/%d/exe" % os.getppid()), flush=True)
    s.setblocking(True); s.settimeout(3)
    try:
        s.sendall(b"x"); print("got:", s.recv(1), flush=True)
    except OSError as e: print("refused:", e, flush=True)
    os._exit(0)
os.execv("/usr/bin/curl", ["curl", "-s", "--max-time", "2", "file:///dev/stdin"])
"""

PASS_A_SOCKET = """
import array, os, socket, subprocess, sys
s = socket.socket(); s.settimeout(3)
try: s.connect(("echo.example.com", 7000))
except OSError as e: print("refused:", e); sys.exit()
p = subprocess.run(["/usr/bin/curl", "-s", "file:///proc/self/exe", "-o", "/dev/null"],
                   pass_fds=[s.fileno()])
try: s.sendall(b"x"); print("got:", s.recv(1))
except OSError as e: print("refused:", e)
"""


def test_the_allowed_program_itself_gets_through(sandbox_with):
    s = sandbox_with(ONLY_CURL)
    r = s.sh("printf ping | timeout 5 curl -sN --max-time 2 "
             "telnet://echo.example.com:7000; true")
    assert r.out == "ping", r


def test_connecting_then_executing_an_allowed_program_gains_nothing(
        sandbox_with):
    s = sandbox_with(ONLY_CURL)
    r = s.sh("sleep 1.5 | python3 -c '" +
             CONNECT_THEN_EXEC.replace("'", "'\\''") + "'; sleep 0.5")
    assert "scan: /usr/bin/curl" in r.out, r  # what others would conclude
    assert "got: b'x'" not in r.out, r
    assert any(e["fields"].get("binary", "").startswith("/usr/bin/python3")
               and e["fields"].get("action") == "deny"
               for e in s.logs("--level", "trace")), s.logs()


def test_passing_a_connected_socket_gains_nothing(sandbox_with):
    s = sandbox_with(ONLY_CURL)
    r = s.python(PASS_A_SOCKET)
    assert "got:" not in r.out, r


def test_a_socket_of_an_allowed_program_serves_its_children(sandbox_with):
    """Identity is who connected: a child that inherits the socket uses it."""
    s = sandbox_with(policy(allow("echo.example.com", 7000, "protocol: tcp",
                                  "/usr/bin/python3")))
    r = s.python("import socket, subprocess\n"
                 "s = socket.create_connection(('echo.example.com', 7000), 5)\n"
                 "subprocess.run(['sh', '-c', 'echo hi >&%d' % s.fileno()], "
                 "pass_fds=[s.fileno()])\n"
                 "print(s.recv(10))")
    assert r.out == "b'hi\\n'\n", r


def test_a_copy_of_an_allowed_program_is_another_program(sandbox_with):
    s = sandbox_with(policy(allow("api.github.com", 443, REST)))
    assert s.curl(f"{API}/zen").rc == 0
    r = s.sh(f"cp /usr/bin/curl /tmp/curl && /tmp/curl -sS {API}/zen")
    assert r.rc == 56, r


def test_argv0_and_process_names_do_not_count(sandbox_with):
    s = sandbox_with(policy(allow("api.github.com", 443, REST)))
    r = s.run("bash", "-c", f"exec -a /usr/bin/curl python3 -c \"import "
              f"urllib.request as u; print(u.urlopen('{API}/zen').read())\"")
    assert "Keep it" not in r.out, r


def test_the_dynamic_loader_is_never_an_identity(sandbox_with):
    s = sandbox_with(policy(allow("api.github.com", 443, REST, "/usr/lib*/**",
                                  "a"),
                            allow("api.github.com", 443, REST, "/lib*/**",
                                  "b")))
    r = s.sh("ld=$(ls /lib64/ld-linux* /lib/ld-linux* 2>/dev/null | head -1); "
             f"$ld /usr/bin/curl -sS {API}/zen")
    assert "Keep it" not in r.out, r


def test_a_deleted_program_is_no_identity(sandbox_with):
    s = sandbox_with(policy(allow("api.github.com", 443, REST, "/tmp/curl")))
    assert s.sh(f"cp /usr/bin/curl /tmp/curl; /tmp/curl -sS {API}/zen"
                ).rc == 0
    r = s.sh("cp /usr/bin/curl /tmp/curl2; mkfifo /tmp/f; "
             f"(sleep 0.5; echo 'url={API}/zen') | /tmp/curl2 -sS -K - & "
             "sleep 0.2; rm /tmp/curl2; wait $!")
    assert "Keep it" not in r.out, r


def test_a_program_that_changed_since_first_use_is_refused(sandbox_with):
    s = sandbox_with(policy(allow("api.github.com", 443, REST, "/tmp/curl")))
    assert s.sh(f"cp /usr/bin/curl /tmp/curl; /tmp/curl -sS {API}/zen"
                ).rc == 0
    r = s.sh(f"printf x >>/tmp/curl; /tmp/curl -sS {API}/zen")
    assert "Keep it" not in r.out, r


def test_ancestors_count_where_the_entry_says_so(sandbox_with):
    block = ("a:\n  endpoints:\n    - {host: api.github.com, port: 443, "
             f"{REST}}}\n  binaries: [{{path: /usr/bin/python3}}]")
    s = sandbox_with(policy(block))
    run = ("import subprocess; print(subprocess.run(['curl', '-sS', "
           f"'{API}/zen'], capture_output=True, text=True).stdout)")
    assert "Keep it" in s.python(run).out
    assert s.curl(f"{API}/zen").rc == 56
    s.set_policy(policy(block.replace("python3}", "python3, ancestors: false}"
                                      )))
    assert "Keep it" not in s.python(run).out
