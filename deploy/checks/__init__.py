"""The checks of what is in deploy/, one module for each kind of file; ../check.py runs them."""
