"""How do pages write dates and times, in each language? Short, 24 hours, and saying that it is UTC."""
