"""Asks an image classifier what a photo shows, for a model that knows few things (setting joke.recogniser)."""
