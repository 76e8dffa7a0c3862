"""A run from queued to judging, as a process of its own that may be killed at any moment.

`drive` moves the run from state to state; each step in `steps` leaves its artifact under a name that it has only when it is whole,
and finds it there when it is begun again. Training, merging and judging are child processes (`child`), so that their memory goes
with them and their ends are seen. This process imports no torch.
"""
