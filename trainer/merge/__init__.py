"""Merges a trained adapter into its base model, directly on the safetensors files.

    trainer.merge.merge_adapter.merge(adapter, base, out)     the whole job: a self-contained model directory
    python -m trainer.merge ADAPTER --base MODEL --out DIR

`checkpoint_io` reads the files, `adapter` finds the LoRA pairs, `bf16` adds them, `base_model` and `parallel` spread
the blocks over all cores, `merge_adapter` makes the directory. XTuner, transformers and the database are not needed.
"""
