"""The full stack on one machine: the engines that operators run (Kafka, PostgreSQL, HAProxy, S3) and our services.

`make up` and the tests start engines with the same code, on loopback; nothing here runs in a cluster.
"""
