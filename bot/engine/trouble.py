"""What a server's last lines say about why it ended, in words for the person who runs the bot."""
import re
from collections.abc import Sequence

SIGNS: tuple[tuple[str, str], ...] = (
    (r"address already in use|can't be used: Address|\[Errno 98\]", "its port was taken by another program"),
    (r"CUDA out of memory|OutOfMemoryError|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation",
     "the GPU's memory is full: lower lmdeploy.cache_blocks or servers.count, or end what else uses the card"),
    (r"No CUDA GPUs are available|no CUDA-capable device|Found no NVIDIA driver|CUDA driver initialization failed|CUDA error|"
     r"NVML|cuda.{0,20}(?:not available|unavailable)", "the GPU is not there or has failed: look at nvidia-smi"),
    (r"MemoryError|Cannot allocate memory|can't allocate memory|DefaultCPUAllocator|code 137", "the host's memory is full"),
    (r"No module named", "its environment is not whole: `jokebot doctor` says what to do"),
)


def explanation(lines: Sequence[str]) -> str:
    """The likely reason in a few words, or ""."""
    text = "\n".join(lines)
    return next((words for pattern, words in SIGNS if re.search(pattern, text, re.IGNORECASE)), "")


def port_taken(text: str) -> bool:
    return re.search(SIGNS[0][0], text, re.IGNORECASE) is not None
