"""Twisted's LineReceiver: python3 twisted_client.py HOST PORT, the message on standard input"""

import sys

from twisted.internet import endpoints, reactor
from twisted.protocols import basic


class Line(basic.LineReceiver):
    MAX_LENGTH = 1 << 28
    reply = None

    def connectionMade(self):
        self.sendLine(message)

    def lineReceived(self, line):
        self.reply = line
        self.pauseProducing()
        self.transport.loseConnection()

    def connectionLost(self, reason):
        if reactor.running:
            reactor.stop()


message = sys.stdin.buffer.read()
line = Line()
connecting = endpoints.connectProtocol(endpoints.HostnameEndpoint(reactor, sys.argv[1], int(sys.argv[2])), line)
connecting.addErrback(lambda failure: reactor.stop())
reactor.callLater(8, reactor.stop)
reactor.run()
sys.stdout.buffer.write(line.reply or b"")
sys.exit(0 if line.reply == message else 1)
