"""What runs inside the training environment, around XTuner."""
