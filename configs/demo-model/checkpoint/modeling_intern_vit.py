"""InternViT in plain PyTorch: a vision transformer with LayerScale, parameter names as OpenGVLab published them.

Covers what InternVL2 up to 8B uses (InternViT-300M's form): LayerNorm, biased qkv, no normalisation of queries and keys.
"""
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel
from transformers.activations import ACT2FN
from transformers.modeling_outputs import BaseModelOutput, BaseModelOutputWithPooling

from .configuration_intern_vit import InternVisionConfig


class InternVisionEmbeddings(nn.Module):
    """Pixels (tiles, 3, H, W) to (tiles, 1 + patches, hidden): a class token, then the patches in reading order."""

    def __init__(self, config):
        super().__init__()
        self.grid = config.image_size // config.patch_size
        self.class_embedding = nn.Parameter(torch.randn(1, 1, config.hidden_size))
        self.patch_embedding = nn.Conv2d(config.num_channels, config.hidden_size, kernel_size=config.patch_size,
                                         stride=config.patch_size)
        self.position_embedding = nn.Parameter(torch.randn(1, self.grid**2 + 1, config.hidden_size))

    def positions(self, height, width):
        """Position embeddings for a grid of height × width patches, resampled where it is not the trained one."""
        if (height, width) == (self.grid, self.grid):
            return self.position_embedding
        patches = self.position_embedding[:, 1:].float().reshape(1, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        patches = F.interpolate(patches, size=(height, width), mode="bicubic", align_corners=False)
        patches = patches.flatten(2).transpose(1, 2).to(self.position_embedding.dtype)
        return torch.cat([self.position_embedding[:, :1], patches], dim=1)

    def forward(self, pixel_values):
        patches = self.patch_embedding(pixel_values)
        height, width = patches.shape[-2:]
        patches = patches.flatten(2).transpose(1, 2)
        classes = self.class_embedding.expand(len(patches), -1, -1)
        return torch.cat([classes, patches], dim=1) + self.positions(height, width)


class InternAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads = config.num_attention_heads
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=config.qkv_bias)
        self.proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden):
        tiles, tokens, size = hidden.shape
        qkv = self.qkv(hidden).reshape(tiles, tokens, 3, self.heads, size // self.heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(*qkv.unbind(0))
        return self.proj(attended.transpose(1, 2).reshape(tiles, tokens, size))


class InternMLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.act = ACT2FN[config.hidden_act]
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, hidden):
        return self.fc2(self.act(self.fc1(hidden)))


class InternVisionEncoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attn = InternAttention(config)
        self.mlp = InternMLP(config)
        self.norm1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.norm2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.ls1 = nn.Parameter(config.initializer_factor * torch.ones(config.hidden_size))
        self.ls2 = nn.Parameter(config.initializer_factor * torch.ones(config.hidden_size))

    def forward(self, hidden):
        hidden = hidden + self.attn(self.norm1(hidden)) * self.ls1
        return hidden + self.mlp(self.norm2(hidden)) * self.ls2


class InternVisionEncoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layers = nn.ModuleList(InternVisionEncoderLayer(config) for _ in range(config.num_hidden_layers))
        self.gradient_checkpointing = False

    def forward(self, inputs_embeds, output_hidden_states=False):
        hidden, states = inputs_embeds, [inputs_embeds]
        for layer in self.layers:
            if self.gradient_checkpointing and self.training:
                hidden = checkpoint(layer, hidden, use_reentrant=False)
            else:
                hidden = layer(hidden)
            if output_hidden_states:
                states.append(hidden)
        return BaseModelOutput(last_hidden_state=hidden, hidden_states=tuple(states) if output_hidden_states else None)


class InternVisionModel(PreTrainedModel):
    config_class = InternVisionConfig
    main_input_name = "pixel_values"
    supports_gradient_checkpointing = True
    _no_split_modules = ["InternVisionEncoderLayer"]

    def __init__(self, config):
        super().__init__(config)
        if config.norm_type != "layer_norm" or config.qk_normalization:
            raise ValueError("This modelling code covers InternViT with LayerNorm and without qk_normalization only.")
        self.embeddings = InternVisionEmbeddings(config)
        self.encoder = InternVisionEncoder(config)
        self.post_init()

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            module.weight.data.normal_(mean=0.0, std=self.config.initializer_range)
            if module.bias is not None:
                module.bias.data.zero_()

    def get_input_embeddings(self):
        return self.embeddings

    def forward(self, pixel_values, output_hidden_states=False, return_dict=True):
        outputs = self.encoder(self.embeddings(pixel_values), output_hidden_states)
        last = outputs.last_hidden_state
        result = BaseModelOutputWithPooling(last_hidden_state=last, pooler_output=last[:, 0],
                                            hidden_states=outputs.hidden_states)
        return result if return_dict else result.to_tuple()
