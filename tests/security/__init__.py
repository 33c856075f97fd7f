"""What a stranger tries, one file for each attack: none of it may work."""
