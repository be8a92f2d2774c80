"""What every test has: logs as in production."""

from platekeeper_common import log

log.configure()
