"""A real Tryton for the sandbox, the tests and the demo: `python -m tests.sandbox.erp --help`."""

from tests.sandbox.erp.environment import SandboxError, default_cache
from tests.sandbox.erp.hands import Box, Hands
from tests.sandbox.erp.launcher import Tryton, progress, running_tryton

__all__ = ["Box", "Hands", "SandboxError", "Tryton", "default_cache", "progress", "running_tryton"]
