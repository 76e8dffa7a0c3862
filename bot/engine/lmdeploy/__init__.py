"""LMDeploy as the engine: how a server is started, and our preprocess of photos inside it.

`start.py` and `memory.py` run in the bot: the command line and environment of a server. `launcher.py`, `vision.py`,
`model.py`, `pixels.py`, `noting.py` and `repetition.py` run inside LMDeploy's own processes, under the serve
environment's Python. Of our other modules they import `configs.log_context` and `configs.tiling`, which need no package
that it lacks.
"""
