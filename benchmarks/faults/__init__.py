"""Nothing lost: the service killed, starved and cut off, and what it left behind looked at.

::

    world     a folder with a service's whole life in it, a feed server, drop files; what must hold of it
    child     the process that is killed: the product, warm, with at most one planted fault
    planted   the faults that are planted to test the tests
    kills     kill -9 at random moments, and at each writing system call in turn
    powercut  the power cut on a file system of its own

See ``benchmarks/README.md``.
"""
