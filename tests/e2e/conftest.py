# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import pwd

import pytest

from fixtures import (  # noqa: F401
    gateway, own_gateway, sandbox, sandbox_with)


def has_subordinate_ids():
    name = pwd.getpwuid(os.getuid()).pw_name
    table = pathlib.Path("/etc/subuid")
    return table.exists() and any(
        line.startswith(f"{name}:") for line in table.read_text().splitlines())


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "independent_of_ids: is the same with one id or many, and "
        "runs as root and as a user who has many")


def pytest_collection_modifyitems(items):
    if os.getuid() == 0 or has_subordinate_ids():
        return
    skip = pytest.mark.skip(reason="independent of ids: runs as root and as a "
                            "user with subordinate ids")
    for item in items:
        if item.get_closest_marker("independent_of_ids"):
            item.add_marker(skip)
