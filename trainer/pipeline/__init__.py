"""Executes a run from queued to judging in a separate process that may be killed at any moment.

`runner` moves the run from state to state. Each step writes its artifact under a temporary name and renames it when it
is complete, so a restarted step finds a complete artifact or none. Training, merging and judging are child processes
(`step_process`), so that their memory is freed and their exit codes are known. This process imports no torch.
"""
