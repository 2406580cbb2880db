"""Invented catalogues with known answers, to train and to test on. Nothing here is a real product.

No two worlds are alike: how tidy the sellers are, which columns they fill, how the ERP
abbreviates, how many variants have no item, how barcodes go wrong are drawn anew for each.
"""
