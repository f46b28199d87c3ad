"""The daemon's life: start, ticks, signals, reload, the service manager, the end.

In come the settings and the signals of a person or of systemd; out go ticks to the pipeline and notices to
the manager (`notify` pings the watchdog). It never knows what a report is.
"""
