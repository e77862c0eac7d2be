"""How one case is shown: to whoever decides it, leads, or looks back."""
