"""LMDeploy as the engine: how a server is started, and our preprocess of photos inside it.

`command_line.py` and `cache_size.py` run in the bot and make a server's command line and environment. The other
modules run in LMDeploy's own processes, under the serve environment's Python. Outside this folder they import only
`storage.checkpoint` and modules of `configs` that need no further package.
"""
