"""What is known of the bootstraps that ELB for Envoy takes: all that was read, and when.

https://docs.aws.amazon.com/elasticloadbalancing/latest/elbproxy/how-envoy-runs.html and
https://docs.aws.amazon.com/elasticloadbalancing/latest/elbproxy/quotas.html
"""

from __future__ import annotations

from collections.abc import Mapping

READ_ON = "2026-11-27"

ACCEPTED: Mapping[str, str] = {
    "static_resources": "in the guide's list: listeners, clusters and secrets",
    "dynamic_resources": "in the guide's list: LDS, CDS and ADS",
    "node": "of the guide's bootstrap file: node identity; the end of its list could not be read",
}
"""The fields that are used, each with where it stands. The guide refuses a file that sets another
one than it lists."""

VERSION = "1.40"
LARGEST_FILE = 128 * 1024
LARGEST_ARCHIVE = 10 * 1024 * 1024
