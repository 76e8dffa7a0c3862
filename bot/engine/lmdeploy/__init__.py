"""LMDeploy as the engine: how one of its servers is started, and what it runs with that makes photos cheap.

`start.py` and `memory.py` are the bot's side: the command line and environment of one server. `launcher.py`, `vision.py`,
`model.py`, `pixels.py`, `noting.py` and `repetition.py` run inside LMDeploy's own processes, under the serve environment's Python.
Of ours they import `configs.log_lines` and `configs.tiling` besides, which need no package that isn't there.
"""
