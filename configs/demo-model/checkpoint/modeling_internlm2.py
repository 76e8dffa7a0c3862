"""InternLM2 in plain PyTorch: a LLaMA-like decoder whose query, key and value projections are one grouped matrix.

`wqkv`'s rows go by key-value head: for each, its group's query heads, then one key head, then one value head.
"""
import torch
import torch.nn.functional as F
from torch import nn
from transformers import DynamicCache, GenerationMixin, PreTrainedModel
from transformers.activations import ACT2FN
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast

from .configuration_internlm2 import InternLM2Config


class InternLM2RMSNorm(nn.Module):
    def __init__(self, hidden_size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.eps = eps

    def forward(self, hidden):
        wide = hidden.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * wide.to(hidden.dtype)


def rotary(config, position_ids, dtype):
    """Cosine and sine (batch, 1, tokens, head_dim) of rotary positions.

    `rope_scaling` may be linear (positions divided by the factor) or dynamic (NTK: the base grows with sequences longer
    than `max_position_embeddings`, shorter ones are left alone).
    """
    size = config.hidden_size // config.num_attention_heads
    base, positions = float(config.rope_theta), position_ids.float()
    scaling = getattr(config, "rope_scaling", None) or {}
    kind, factor = scaling.get("type", scaling.get("rope_type")), float(scaling.get("factor") or 1.0)
    if kind == "linear":
        positions = positions / factor
    elif kind == "dynamic":
        length = int(position_ids.max()) + 1
        if length > config.max_position_embeddings:
            growth = factor * length / config.max_position_embeddings - (factor - 1)
            base *= growth ** (size / (size - 2))
    steps = torch.arange(0, size, 2, device=position_ids.device, dtype=torch.float32) / size
    angles = positions[:, None, :, None] / base**steps
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(states, cos, sin):
    first, second = states.chunk(2, dim=-1)
    return states * cos + torch.cat([-second, first], dim=-1) * sin


def attention_bias(attention_mask, queries, keys, device):
    """Boolean mask (batch or 1, 1, queries, keys), True where a query may look, or None where plain causality does.

    A query always sees itself, so that padded positions stay finite.
    """
    padded = attention_mask is not None and not bool(attention_mask.all())
    if not padded and (queries == 1 or queries == keys):
        return None
    place = torch.arange(keys, device=device)
    query = place[keys - queries:, None]
    allowed = (place <= query)[None, None]
    if padded:
        allowed = allowed & attention_mask.bool()[:, None, None, :] | (place == query)[None, None]
    return allowed


class InternLM2Attention(nn.Module):
    def __init__(self, config, layer_idx):
        super().__init__()
        self.layer_idx = layer_idx
        self.key_heads = config.num_key_value_heads
        self.groups = config.num_attention_heads // config.num_key_value_heads
        self.head_dim = config.hidden_size // config.num_attention_heads
        self.wqkv = nn.Linear(config.hidden_size, self.key_heads * (self.groups + 2) * self.head_dim, bias=config.bias)
        self.wo = nn.Linear(config.hidden_size, config.hidden_size, bias=config.bias)

    def forward(self, hidden, cos, sin, bias, past_key_values):
        batch, tokens, size = hidden.shape
        grouped = self.wqkv(hidden).reshape(batch, tokens, self.key_heads, self.groups + 2, self.head_dim)
        query = grouped[..., :-2, :].reshape(batch, tokens, -1, self.head_dim).transpose(1, 2)
        key, value = (grouped[..., place, :].transpose(1, 2) for place in (-2, -1))
        query, key = rotate(query, cos, sin), rotate(key, cos, sin)
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, self.layer_idx)
        key, value = (states.repeat_interleave(self.groups, dim=1) for states in (key, value))
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, is_causal=bias is None and tokens > 1)
        return self.wo(attended.transpose(1, 2).reshape(batch, tokens, size))


class InternLM2MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.w1 = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.w3 = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.w2 = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
        self.act_fn = ACT2FN[config.hidden_act]

    def forward(self, hidden):
        return self.w2(self.act_fn(self.w1(hidden)) * self.w3(hidden))


class InternLM2DecoderLayer(nn.Module):
    def __init__(self, config, layer_idx):
        super().__init__()
        self.attention = InternLM2Attention(config, layer_idx)
        self.feed_forward = InternLM2MLP(config)
        self.attention_norm = InternLM2RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.ffn_norm = InternLM2RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, hidden, cos, sin, bias, past_key_values):
        hidden = hidden + self.attention(self.attention_norm(hidden), cos, sin, bias, past_key_values)
        return hidden + self.feed_forward(self.ffn_norm(hidden))


class InternLM2PreTrainedModel(PreTrainedModel):
    config_class = InternLM2Config
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules = ["InternLM2DecoderLayer"]
    _skip_keys_device_placement = "past_key_values"
    _supports_cache_class = True
    _supports_sdpa = True
    # XTuner and the published config ask for flash attention; PyTorch's own attention takes its place.
    _supports_flash_attn_2 = True

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.data.normal_(mean=0.0, std=self.config.initializer_range)
            if getattr(module, "bias", None) is not None:
                module.bias.data.zero_()


class InternLM2Model(InternLM2PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.tok_embeddings = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList(InternLM2DecoderLayer(config, place) for place in range(config.num_hidden_layers))
        self.norm = InternLM2RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.gradient_checkpointing = False
        self.post_init()

    def get_input_embeddings(self):
        return self.tok_embeddings

    def set_input_embeddings(self, value):
        self.tok_embeddings = value

    def forward(self, input_ids=None, attention_mask=None, position_ids=None, past_key_values=None, inputs_embeds=None,
                use_cache=None, output_hidden_states=None, return_dict=True, **kwargs):
        hidden = self.tok_embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        use_cache = self.config.use_cache if use_cache is None else use_cache
        if self.gradient_checkpointing and self.training:
            use_cache = False
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache()
        seen = past_key_values.get_seq_length() if past_key_values is not None else 0
        tokens = hidden.shape[1]
        if position_ids is None:
            position_ids = torch.arange(seen, seen + tokens, device=hidden.device)[None]
        cos, sin = rotary(self.config, position_ids, hidden.dtype)
        bias = attention_bias(attention_mask, tokens, seen + tokens, hidden.device)
        states = [hidden]
        for layer in self.layers:
            if self.gradient_checkpointing and self.training:
                hidden = self._gradient_checkpointing_func(layer.__call__, hidden, cos, sin, bias, past_key_values)
            else:
                hidden = layer(hidden, cos, sin, bias, past_key_values)
            states.append(hidden)
        result = BaseModelOutputWithPast(
            last_hidden_state=self.norm(hidden), past_key_values=past_key_values if use_cache else None,
            hidden_states=tuple(states) if output_hidden_states else None)
        return result if return_dict else result.to_tuple()


class InternLM2ForCausalLM(InternLM2PreTrainedModel, GenerationMixin):
    def __init__(self, config):
        super().__init__(config)
        self.model = InternLM2Model(config)
        self.vocab_size = config.vocab_size
        self.output = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self):
        return self.model.tok_embeddings

    def set_input_embeddings(self, value):
        self.model.tok_embeddings = value

    def get_output_embeddings(self):
        return self.output

    def set_output_embeddings(self, new_embeddings):
        self.output = new_embeddings

    def forward(self, input_ids=None, attention_mask=None, position_ids=None, past_key_values=None, inputs_embeds=None,
                labels=None, use_cache=None, output_hidden_states=None, return_dict=True, **kwargs):
        outputs = self.model(input_ids, attention_mask, position_ids, past_key_values, inputs_embeds, use_cache,
                             output_hidden_states)
        logits = self.output(outputs.last_hidden_state).float()
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten().to(logits.device))
        result = CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=outputs.past_key_values,
                                        hidden_states=outputs.hidden_states)
        return result if return_dict else result.to_tuple()
