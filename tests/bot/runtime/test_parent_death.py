"""The two scripts that end a child with its parent can't import a common module, but have the same constant."""

from bot.runtime import parent_watchdog
from trainer.pipeline import exec_with_pdeathsig


def test_both_scripts_use_the_kernels_number():
    assert parent_watchdog.PR_SET_PDEATHSIG == exec_with_pdeathsig.PR_SET_PDEATHSIG == 1
