"""What recognition counts for operators as it happens."""

from platekeeper_common.metrics import histogram

FRAME_SECONDS = histogram(
    "platekeeper_recognition_frame_duration_seconds",
    "Time at the desk for each frame: decoding, and its share of the batch that it was read in.",
    (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 10),
)
