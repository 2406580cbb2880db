"""The product's settings with the ERP of the stock bench in place of a real one."""

import os

from mkterp.settings import *  # noqa: F403

ERP_OPTIONS = {"path": os.environ["ERP_OPTIONS_PATH"]}
