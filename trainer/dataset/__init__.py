"""Datasets in XTuner's form: building rows, verifying them, exporting, checking."""
