"""What operators see of the records office."""

from typing import get_args

from platekeeper_common.events.retention import Verdict
from platekeeper_common.metrics import counter, gauge

SOURCES = ("recognition", "edge")
READS = gauge("platekeeper_retention_reads", "Versions of reads that are stored.")
READS_STORED = counter("platekeeper_retention_reads_stored", "Versions of reads stored by this process.")
LOOKS = counter(
    "platekeeper_retention_looks", "Reads whose picture a person opened, or that were corrected.", source=SOURCES
)
CORRECTIONS = counter(
    "platekeeper_retention_corrections",
    "What officers said of reads: another plate, no plate, another state, or that the camera was right (J1).",
    verdict=get_args(Verdict),
    source=SOURCES,
)
