"""What every test has: logs as in production, and time: no example of a property fails for being slow."""

from hypothesis import settings

from platekeeper_common import log

log.configure()
settings.register_profile("platekeeper", deadline=None)
settings.load_profile("platekeeper")
