"""Trial and watch of commit e77f410, frozen for the arm *today*: copies under the names of the redesign.

Its selection is the product's with the settings of that commit (`settings.py`).
"""
