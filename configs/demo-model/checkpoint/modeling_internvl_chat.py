"""InternVL2: InternViT's patches, four by four folded into one by a pixel shuffle and projected by `mlp1`, take the
places of the picture's context tokens in InternLM2's input.

Written for Jokebot in its own words, after the published architecture (arXiv 2404.16821); parameter names, config keys
and the methods `extract_feature`, `generate` and `chat` are OpenGVLab's, so that whatever reads InternVL2 reads this.
"""
import torch
from torch import nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from .configuration_internvl_chat import InternVLChatConfig
from .modeling_intern_vit import InternVisionModel
from .modeling_internlm2 import InternLM2ForCausalLM


class InternVLChatModel(PreTrainedModel, GenerationMixin):
    config_class = InternVLChatConfig
    main_input_name = "pixel_values"
    base_model_prefix = "language_model"
    supports_gradient_checkpointing = True
    _no_split_modules = ["InternVisionModel", "InternLM2DecoderLayer"]
    _supports_flash_attn_2 = True
    _supports_sdpa = True
    _supports_cache_class = True

    def __init__(self, config, vision_model=None, language_model=None):
        super().__init__(config)
        vision, llm = config.vision_config, config.llm_config
        image_size = config.force_image_size or vision.image_size
        self.patch_size = vision.patch_size
        self.select_layer = config.select_layer
        self.template = config.template
        self.downsample_ratio = config.downsample_ratio
        self.ps_version = config.ps_version
        self.num_image_token = int((image_size // vision.patch_size) ** 2 * config.downsample_ratio**2)
        self.vision_model = vision_model if vision_model is not None else InternVisionModel(vision)
        self.language_model = language_model if language_model is not None else InternLM2ForCausalLM(llm)
        folded = vision.hidden_size * int(1 / config.downsample_ratio) ** 2
        self.mlp1 = nn.Sequential(nn.LayerNorm(folded), nn.Linear(folded, llm.hidden_size), nn.GELU(),
                                  nn.Linear(llm.hidden_size, llm.hidden_size))
        self.img_context_token_id = None
        self.post_init()

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            module.weight.data.normal_(mean=0.0, std=0.02)
            if module.bias is not None:
                module.bias.data.zero_()

    def pixel_shuffle(self, patches, scale_factor=0.5):
        """(tiles, W, H, C) to (tiles, W·s, H·s, C/s²): each square of neighbours becomes one longer vector."""
        tiles, width, height, size = patches.shape
        fold = round(1 / scale_factor)
        squares = patches.reshape(tiles, width // fold, fold, height // fold, fold, size)
        # ps_version v1 leaves rows and columns exchanged; InternVL2 uses v2.
        order = (0, 3, 1, 2, 4, 5) if self.ps_version == "v1" else (0, 1, 3, 2, 4, 5)
        return squares.permute(order).flatten(3)

    def extract_feature(self, pixel_values):
        """Pixels (tiles, 3, 448, 448) to picture tokens (tiles, 256, the language model's hidden size)."""
        if self.select_layer == -1:
            patches = self.vision_model(pixel_values).last_hidden_state
        else:
            patches = self.vision_model(pixel_values, output_hidden_states=True).hidden_states[self.select_layer]
        patches = patches[:, 1:]
        side = int(patches.shape[1] ** 0.5)
        patches = self.pixel_shuffle(patches.reshape(len(patches), side, side, -1), self.downsample_ratio)
        return self.mlp1(patches.reshape(len(patches), -1, patches.shape[-1]))

    def embed(self, pixel_values, input_ids, image_flags=None):
        """Input embeddings (batch, tokens, hidden) with the picture's tokens in the places of <IMG_CONTEXT>."""
        embeds = self.language_model.get_input_embeddings()(input_ids)
        if pixel_values is None:
            return embeds
        features = self.extract_feature(pixel_values.to(self.mlp1[1].weight.dtype))
        if image_flags is not None:
            features = features[image_flags.reshape(-1) == 1]
        places = input_ids == self.img_context_token_id
        if int(places.sum()) != features.shape[0] * features.shape[1]:
            raise ValueError(f"{int(places.sum())} context tokens for {features.shape[0]} tiles of {features.shape[1]}.")
        return embeds.masked_scatter(places[..., None], features.to(embeds.dtype))

    def forward(self, pixel_values=None, input_ids=None, attention_mask=None, position_ids=None, image_flags=None,
                past_key_values=None, labels=None, use_cache=None, output_hidden_states=None, return_dict=True, **kwargs):
        outputs = self.language_model(
            inputs_embeds=self.embed(pixel_values, input_ids, image_flags), attention_mask=attention_mask,
            position_ids=position_ids, past_key_values=past_key_values, labels=labels, use_cache=use_cache,
            output_hidden_states=output_hidden_states)
        result = CausalLMOutputWithPast(loss=outputs.loss, logits=outputs.logits, hidden_states=outputs.hidden_states,
                                        past_key_values=outputs.past_key_values)
        return result if return_dict else result.to_tuple()

    @torch.no_grad()
    def generate(self, pixel_values=None, input_ids=None, attention_mask=None, generation_config=None, **kwargs):
        """New tokens (batch, new tokens) after the prompt, which is not repeated in the result."""
        return self.language_model.generate(inputs_embeds=self.embed(pixel_values, input_ids),
                                            attention_mask=attention_mask, generation_config=generation_config, **kwargs)

    def chat(self, tokenizer, pixel_values, question, generation_config, system=None):
        """One question about one picture (its tiles, or None), rendered by the tokenizer's chat template."""
        self.img_context_token_id = tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>")
        if pixel_values is not None:
            context = "<IMG_CONTEXT>" * self.num_image_token * len(pixel_values)
            question = f"<img>{context}</img>\n{question}"
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": question})
        inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        stops = [tokenizer.convert_tokens_to_ids(token) for token in ("<|im_end|>", "</s>")]
        tokens = self.generate(pixel_values, inputs["input_ids"].to(self.device), inputs["attention_mask"].to(self.device),
                               **{"eos_token_id": stops, **generation_config})
        return tokenizer.decode(tokens[0], skip_special_tokens=True).strip()

    @property
    def lm_head(self):
        return self.language_model.get_output_embeddings()

    def get_input_embeddings(self):
        return self.language_model.get_input_embeddings()

    def get_output_embeddings(self):
        return self.language_model.get_output_embeddings()
