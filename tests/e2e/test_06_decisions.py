# SPDX-License-Identifier: Apache-2.0
"""One table of decisions: real traffic, explicit and transparent, and policy
check (which Sandbox.curl asks each time) say the same."""

import pytest

from shell import policy

POLICY = policy("""
api:
  endpoints:
    - host: origin.example.com
      port: 443
      protocol: rest
      enforcement: enforce
      rules:
        - allow: {method: GET, path: "/public/**"}
        - allow: {method: GET, path: "/one/*/three"}
        - allow: {method: POST, path: /submit}
        - allow: {method: GET, path: /search, query: {q: "cats*"}}
        - allow: {method: GET, path: /tags, query: {t: {any: [red, "blue*"]}}}
        - allow: {method: "*", path: /any}
      deny_rules:
        - {method: "*", path: "/public/secret/**"}
        - {method: GET, path: /public/log, query: {all: "*"}}
  binaries: [{path: /usr/bin/curl, ancestors: false}]
""", """
reading:
  endpoints:
    - {host: api.github.com, port: 443, protocol: rest, enforcement: enforce,
       access: read-only}
  binaries: [{path: /usr/bin/curl}]
""", """
plain:
  endpoints:
    - {host: "*.example.com", port: 80, protocol: rest, enforcement: enforce,
       access: read-write}
  binaries: [{path: "/usr/bin/c*"}]
""")

O = "https://origin.example.com"
G = "https://api.github.com"
P = "http://origin.example.com"
ALLOW, DENY = True, False

CASES = [
    ("under a double star", "GET", f"{O}/public/a/b", ALLOW),
    ("HEAD goes where GET does", "HEAD", f"{O}/public/a", ALLOW),
    ("another method", "PUT", f"{O}/public/a", DENY),
    ("outside of every path", "GET", f"{O}/private", DENY),
    ("the root", "GET", f"{O}/", DENY),
    ("a star is one segment", "GET", f"{O}/one/2/three", ALLOW),
    ("a star is not two segments", "GET", f"{O}/one/2/2/three", DENY),
    ("an encoded slash is no segment", "GET", f"{O}/one/2%2Fx/three", DENY),
    ("a method's own rule", "POST", f"{O}/submit", ALLOW),
    ("another method's rule", "GET", f"{O}/submit", DENY),
    ("any method", "DELETE", f"{O}/any", ALLOW),
    ("a deny rule inside what is allowed", "GET", f"{O}/public/secret/x", DENY),
    ("climbing into a denied path", "GET", f"{O}/public/x/../secret/x", DENY),
    ("climbing out of a denied path", "GET", f"{O}/public/secret/../x", ALLOW),
    ("a dot segment that is encoded", "GET", f"{O}/public/%2e%2e/private", DENY),
    ("a doubled slash", "GET", f"{O}/public//secret/x", DENY),
    ("a parameter in a segment", "GET", f"{O}/public/secret;a=b/x", DENY),
    ("an unreserved escape", "GET", f"{O}/public/%73ecret/x", DENY),
    ("a query that matches", "GET", f"{O}/search?q=cats%20and%20dogs", ALLOW),
    ("a query that doesn't", "GET", f"{O}/search?q=dogs", DENY),
    ("no query where one is asked for", "GET", f"{O}/search", DENY),
    ("the parameter twice, once wrong", "GET", f"{O}/search?q=cats&q=dogs",
     DENY),
    ("an encoded name of a parameter", "GET", f"{O}/search?%71=cats", ALLOW),
    ("one of several values", "GET", f"{O}/tags?t=bluest", ALLOW),
    ("none of several values", "GET", f"{O}/tags?t=green", DENY),
    ("a denied query", "GET", f"{O}/public/log?all=1", DENY),
    ("the same path without it", "GET", f"{O}/public/log", ALLOW),
    ("another port", "GET", "https://origin.example.com:8443/any", DENY),
    ("read-only reads", "GET", f"{G}/zen", ALLOW),
    ("read-only asks for options", "OPTIONS", f"{G}/zen", ALLOW),
    ("read-only doesn't write", "POST", f"{G}/repos/a", DENY),
    ("read-only doesn't delete", "DELETE", f"{G}/repos/a", DENY),
    ("read-write writes", "POST", f"{P}/x", ALLOW),
    ("read-write doesn't delete", "DELETE", f"{P}/x", DENY),
    ("a host that nobody names", "GET", "https://github.com/", DENY),
    ("a host below a named one", "GET", "https://a.api.github.com/", DENY),
    ("a host in upper case", "GET", "https://API.GitHub.COM/zen", ALLOW),
    ("a host with a dot at its end", "GET", "http://origin.example.com./x",
     ALLOW),
    ("a private address behind a wildcard", "GET",
     "http://private.example.com/", DENY),
    ("metadata behind a wildcard", "GET", "http://metadata.example.com/", DENY),
]


@pytest.fixture(scope="module")
def judged(request):
    from fixtures import make
    s = make(request.getfixturevalue("gateway"), POLICY)
    yield s
    s.delete()


@pytest.mark.parametrize("why, method, url, allowed", CASES,
                         ids=[c[0] for c in CASES])
def test_decisions(judged, why, method, url, allowed):
    args = ["--path-as-is", "-X", method, url]
    if method == "HEAD":
        args = ["--path-as-is", "-I", "-X", "HEAD", url]
    for get in (judged.curl, judged.direct):
        r = get(*args)
        denied = (r.rc != 0 or '"error":"' in r.out or
                  (method == "HEAD" and " 403" in r.out))
        assert denied != allowed, r


PARENT = """
import subprocess, sys
r = subprocess.run(["/usr/bin/curl", "-sS", "https://api.github.com/zen"],
                   capture_output=True, text=True)
print(r.stdout)
"""


def test_decisions_by_ancestor(sandbox_with):
    block = ("a:\n  endpoints:\n    - {{host: api.github.com, port: 443}}\n"
             "  binaries: [{{path: /usr/bin/python3{0}}}]")
    for narrowed, allowed in (("", True), (", ancestors: false", False)):
        s = sandbox_with(policy(block.format(narrowed)))
        says = s.check("https://api.github.com/zen", binary="/usr/bin/curl",
                       ancestors=["/usr/bin/python3"])
        assert says == ("allow" if allowed else "deny")
        assert ("Keep it" in s.python(PARENT).out) == allowed
