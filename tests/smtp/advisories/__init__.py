"""One group of tests for each class of weakness that advisories on mail programs are about, named after the class.

Where a class is held by tests elsewhere, its module says where.
"""
