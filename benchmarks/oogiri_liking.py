def measure_liking(seed):
    raise NotImplementedError
