"""Bytes from the network and from drop folders, within limits.

In come an address or a folder and the limits; out go an `Answer` or a dropped file, or an error that names
place, cause and remedy. It never knows what the bytes mean, nor when to come again; it opens no connection
to an address that the guard has not seen.
"""
