"""How fast people get their stories while others come in."""
