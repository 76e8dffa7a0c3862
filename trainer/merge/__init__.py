"""Merges a trained adapter into its base model, straight on the safetensors files.

    trainer.merge.merge_adapter.merge(adapter, base, out)     the whole job: a self-contained model directory
    python -m trainer.merge ADAPTER --base MODEL --out DIR

`tensors` reads the files, `adapter` finds the LoRA pairs, `arithmetic` adds them up, `weights` drives the blocks
through all cores, `job` makes the directory. Nothing here needs XTuner, transformers or the database.
"""
