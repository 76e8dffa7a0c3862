"""A run from queued to judging, as a process of its own that may be killed at any moment.

`drive` moves the run from state to state. Each step writes its artifact under a temporary name and renames it when it
is whole, so a restarted step finds a whole artifact or none. Training, merging and judging are child processes
(`child`): their memory is freed and their exit codes are seen. This process imports no torch.
"""
