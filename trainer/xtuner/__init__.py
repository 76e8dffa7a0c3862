"""QLoRA training with XTuner, in the train environment."""
