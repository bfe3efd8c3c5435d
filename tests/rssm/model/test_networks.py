import torch

from rssm.model.networks import MLP, start_uniform


def test_an_mlp_keeps_the_leading_shape():
    x = torch.randn(2, 3, 5)
    assert MLP(5, 8, 2, 4)(x).shape == (2, 3, 4)
    assert MLP(5, 8, 3)(x).shape == (2, 3, 8)


def test_an_mlp_has_as_many_layers_as_asked_for():
    def hidden_layers(mlp):
        return sum(isinstance(layer, torch.nn.SiLU) for layer in mlp.layers)

    assert [hidden_layers(MLP(5, 8, layers)) for layers in (1, 2, 3)] == [1, 2, 3]
    assert hidden_layers(MLP(5, 8, 2, 4)) == 2


def test_a_head_that_starts_uniform_answers_zero_and_still_learns():
    head = start_uniform(MLP(5, 8, 1, 4))
    out = head(torch.randn(6, 5))
    assert torch.equal(out, torch.zeros(6, 4))
    torch.nn.functional.cross_entropy(out, torch.zeros(6, dtype=torch.long)).backward()
    assert head.layers[-1].weight.grad.abs().sum() > 0
