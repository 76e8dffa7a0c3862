"""LMDeploy as the engine: how one of its servers is started, and what it runs with that makes photos cheap.

`start.py` is the bot's side: the command line and environment of one server. `launcher.py`, `vision.py`, `model.py` and
`pixels.py` run inside LMDeploy's own processes, under the serve environment's Python; they import nothing else of ours.
"""
