"""A year of the service in a quarter of an hour: does it stay as large as it was?"""
