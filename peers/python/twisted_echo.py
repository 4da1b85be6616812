"""Twisted's receivers, with and without the half-close: python3 twisted_echo.py NAME PORT"""

import sys

from twisted.internet import interfaces, protocol, reactor
from twisted.protocols import basic, wire
from zope.interface import implementer


class Int8(basic.Int8StringReceiver):
    def stringReceived(self, string):
        self.sendString(string)


class Int16(basic.Int16StringReceiver):
    def stringReceived(self, string):
        self.sendString(string)


class Int32(basic.Int32StringReceiver):
    MAX_LENGTH = 1 << 28

    def stringReceived(self, string):
        self.sendString(string)


class Netstring(basic.NetstringReceiver):
    MAX_LENGTH = 1 << 28

    def stringReceived(self, string):
        self.sendString(string)


class Lines(basic.LineReceiver):
    MAX_LENGTH = 1 << 28

    def lineReceived(self, line):
        self.sendLine(line)


class OnlyLines(basic.LineOnlyReceiver):
    MAX_LENGTH = 1000

    def lineReceived(self, line):
        self.sendLine(line)


def half_closing(receiver):
    """After the client's FIN the rest is written, and then the connection closed."""

    @implementer(interfaces.IHalfCloseableProtocol)
    class HalfClosing(receiver):
        def readConnectionLost(self):
            self.transport.loseConnection()

        def writeConnectionLost(self):
            pass

    return HalfClosing


RECEIVERS = {
    "wire": wire.Echo,
    "int8": Int8,
    "int16": Int16,
    "int32": Int32,
    "netstring": Netstring,
    "lines": Lines,
    "only-lines": OnlyLines,
}

if __name__ == "__main__":
    name, half = sys.argv[1].removesuffix("-half"), sys.argv[1].endswith("-half")
    receiver = RECEIVERS[name]
    factory = protocol.Factory.forProtocol(half_closing(receiver) if half else receiver)
    reactor.listenTCP(int(sys.argv[2]), factory, interface="127.0.0.1", backlog=1024)
    reactor.run()
