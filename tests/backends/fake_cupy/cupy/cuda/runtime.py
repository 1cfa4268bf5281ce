"""The two devices of the stand-in."""

current = [0]  # a stack


def getDevice():
    return current[-1]


def getDeviceCount():
    return 2
