"""A stand-in for the Marketplacer API that executes real GraphQL and keeps what it was told.

It is a witness: it imports nothing of the product, so that it cannot agree with our mistakes.
`Sandbox` runs in process (mount `sandbox.wsgi_app`), `running_sandbox` starts it as a process.
"""

from tests.sandbox.marketplacer.running import RunningSandbox, running_sandbox
from tests.sandbox.marketplacer.sandbox import Sandbox

__all__ = ["RunningSandbox", "Sandbox", "running_sandbox"]
