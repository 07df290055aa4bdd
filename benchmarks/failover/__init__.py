"""
How well clients survive the loss of a base: the parts of `benchmarks.bench_failover`.

Gateways run in a process of their own, and so does each client, so that nobody's processor time disturbs another's.
"""
