"""Import of CLoT-Oogiri-GO and of the tutorial's own training file as a cold-start dataset."""
