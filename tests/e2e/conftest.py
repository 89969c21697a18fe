# SPDX-License-Identifier: Apache-2.0
from fixtures import (  # noqa: F401
    gateway, own_gateway, sandbox, sandbox_with)
