"""Fits the judge: the model that chooses among candidates of a joke by the ratings of earlier jokes."""
