"""The nouns of Tealmesh: frozen data with no input or output of its own."""
