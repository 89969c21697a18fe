# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end and the attack tests share; each conftest.py imports
it."""

import itertools

import pytest

from shell import Gateway, Sandbox

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def gateway():
    g = Gateway()
    yield g
    g.close()


@pytest.fixture
def own_gateway():
    """For tests that kill daemons or count what is left."""
    g = Gateway()
    yield g
    g.close()


def make(gateway, policy_text=None):
    name = f"t{next(numbers)}"
    argv = ["sandbox", "create", "--name", name, "--detach"]
    if policy_text is not None:
        argv += ["--policy", gateway.file(f"{name}.yaml", policy_text)]
    gateway.ok(*argv)
    if policy_text is None:
        return Sandbox(gateway, name)
    return Sandbox(gateway, name, policy_text)


@pytest.fixture
def sandbox(gateway):
    s = make(gateway)
    yield s
    s.delete()


@pytest.fixture
def sandbox_with(gateway):
    """sandbox_with(policy text) makes one more, all deleted at the end."""
    made = []

    def one(policy_text=None):
        made.append(make(gateway, policy_text))
        return made[-1]

    yield one
    for s in made:
        s.delete()
