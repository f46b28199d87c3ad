"""How work, memory and answers grow with the reports in the window: see ``__main__``."""
