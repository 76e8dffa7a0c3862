"""Our Muon beside PyTorch's."""

import torch

from trainer.demo_model.muon import Muon, orthogonal


def test_it_does_what_torchs_muon_does():
    torch.manual_seed(3)
    shapes = [(48, 16), (16, 48), (48, 16), (24, 24), (16, 48)]
    ours = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    theirs = [torch.nn.Parameter(matrix.detach().clone()) for matrix in ours]
    begun = [matrix.detach().clone() for matrix in ours]
    mine = Muon([{"params": ours}], lr=0.02, weight_decay=0.05)
    other = torch.optim.Muon([{"params": theirs}], lr=0.02, weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
    for _ in range(5):
        for first, second in zip(ours, theirs, strict=True):
            first.grad = torch.randn(first.shape)
            second.grad = first.grad.clone()
        mine.step()
        other.step()
    for first, second, start in zip(ours, theirs, begun, strict=True):
        # Both count in bf16, in another order.
        assert (first - second).norm() < 0.02 * (second - start).norm()


def test_singular_values_come_near_one():
    torch.manual_seed(4)
    values = torch.linalg.svdvals(orthogonal(torch.randn(3, 64, 20)).float())
    assert values.min() > 0.5 and values.max() < 1.4


def test_a_matrix_without_a_gradient_stays():
    still, moved = torch.nn.Parameter(torch.ones(4, 4)), torch.nn.Parameter(torch.ones(4, 4))
    moved.grad = torch.randn(4, 4)
    Muon([still, moved], lr=0.1).step()
    assert torch.equal(still, torch.ones(4, 4)) and not torch.equal(moved, torch.ones(4, 4))
