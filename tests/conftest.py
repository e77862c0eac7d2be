"""What every test may ask for."""

import os

from hypothesis import settings

settings.register_profile("house", deadline=None, print_blob=True)  # no test asserts wall time: machines may be busy
settings.register_profile("ci", settings.get_profile("house"), derandomize=True)  # the same every time
settings.load_profile(os.environ.get("HITL_HYPOTHESIS_PROFILE", "house"))

pytest_plugins = ["tests.support.broker", "tests.support.registry", "tests.support.secured", "tests.support.valkey"]
