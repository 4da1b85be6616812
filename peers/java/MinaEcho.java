import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import org.apache.mina.core.buffer.IoBuffer;
import org.apache.mina.core.service.IoHandlerAdapter;
import org.apache.mina.core.session.IoSession;
import org.apache.mina.filter.codec.ProtocolCodecFilter;
import org.apache.mina.filter.codec.textline.TextLineCodecFactory;
import org.apache.mina.transport.socket.nio.NioSocketAcceptor;

/** MINA: MinaEcho NAME PORT */
class MinaEcho extends IoHandlerAdapter {
    @Override
    public void messageReceived(IoSession session, Object message) {
        session.write(message instanceof IoBuffer ? ((IoBuffer) message).duplicate() : message);
    }

    @Override
    public void inputClosed(IoSession session) {
        session.closeOnFlush();
    }

    @Override
    public void exceptionCaught(IoSession session, Throwable cause) {
        session.closeNow();
    }

    public static void main(String[] args) throws Exception {
        var acceptor = new NioSocketAcceptor();
        if (!args[0].equals("bytes")) {
            var ending = args[0].equals("netconf") ? "]]>]]>" : "\r\n";
            var lines = new TextLineCodecFactory(StandardCharsets.ISO_8859_1, ending, ending);
            lines.setDecoderMaxLineLength(1 << 28);
            lines.setEncoderMaxLineLength(1 << 28);
            acceptor.getFilterChain().addLast("lines", new ProtocolCodecFilter(lines));
        }
        acceptor.setReuseAddress(true);
        acceptor.setBacklog(1024);
        acceptor.setHandler(new MinaEcho());
        acceptor.bind(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[1])));
    }
}
