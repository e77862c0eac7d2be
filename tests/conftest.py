"""What every test may ask for."""

from hypothesis import settings

settings.register_profile("house", deadline=None)  # no test asserts wall time: the machine may be busy
settings.load_profile("house")

pytest_plugins = ["tests.support.broker", "tests.support.registry", "tests.support.secured", "tests.support.valkey"]
