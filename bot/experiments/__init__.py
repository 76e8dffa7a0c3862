"""A candidate's trial with users: a sequential test that answers promote, harmful, continue or inconclusive.

The test is pure arithmetic on sums, without a database or Telegram. `docs/gate.md` explains the method; `make
bench-gate` and `make bench-watch` measure its error rates.
"""
