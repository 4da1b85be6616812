import java.io.*;
import java.net.*;

/** Java's own sockets, a thread for each: PlainEcho NAME PORT */
class PlainEcho {
    static final int LARGEST = 64 << 20;

    static void serve(String name, Socket socket) throws IOException {
        socket.setTcpNoDelay(true);
        var in = new DataInputStream(new BufferedInputStream(socket.getInputStream(), 65536));
        var out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream(), 65536));
        switch (name) {
            case "transfer" -> socket.getInputStream().transferTo(socket.getOutputStream());
            case "whole" -> out.write(in.readAllBytes());
            case "int" -> {
                for (int size; (size = in.readInt()) >= 0 && size <= LARGEST; out.flush()) {
                    var data = in.readNBytes(size);
                    if (data.length < size) return;
                    out.writeInt(size);
                    out.write(data);
                }
            }
            case "short" -> {
                while (true) {
                    var data = new byte[in.readUnsignedShort()];
                    in.readFully(data);
                    out.writeShort(data.length);
                    out.write(data);
                    out.flush();
                }
            }
            default -> throw new IllegalArgumentException(name);
        }
        out.flush();
    }

    public static void main(String[] args) throws IOException {
        var listener = new ServerSocket(Integer.parseInt(args[1]), 1024, InetAddress.getLoopbackAddress());
        while (true) {
            var client = listener.accept();
            new Thread(() -> {
                try (var socket = client) {
                    serve(args[0], socket);
                } catch (IOException ended) {
                    // The next one, please.
                }
            }).start();
        }
    }
}
