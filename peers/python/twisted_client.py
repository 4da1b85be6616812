"""Twisted's LineReceiver: python3 twisted_client.py HOST PORT, the message on standard input"""

import sys

from twisted.internet import endpoints, reactor
from twisted.protocols import basic, policies

PATIENCE = 8  # seconds


class Line(basic.LineReceiver, policies.TimeoutMixin):
    MAX_LENGTH = 1 << 28
    reply = None

    def connectionMade(self):
        self.setTimeout(PATIENCE)
        self.sendLine(message)

    def dataReceived(self, data):
        self.resetTimeout()
        return super().dataReceived(data)

    def timeoutConnection(self):
        self.transport.abortConnection()

    def lineReceived(self, line):
        self.reply = line
        self.pauseProducing()
        self.transport.loseConnection()

    def connectionLost(self, reason):
        self.setTimeout(None)
        if reactor.running:
            reactor.stop()


message = sys.stdin.buffer.read()
line = Line()
server = endpoints.HostnameEndpoint(reactor, sys.argv[1], int(sys.argv[2]), timeout=PATIENCE)
connecting = endpoints.connectProtocol(server, line)
connecting.addErrback(lambda failure: reactor.stop())
reactor.run()
sys.stdout.buffer.write(line.reply or b"")
sys.exit(0 if line.reply == message else 1)
