import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.*;
import io.netty.channel.*;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.*;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.*;
import io.netty.handler.codec.protobuf.*;
import java.util.List;

/** Netty's frame decoders: NettyEcho NAME PORT */
class NettyEcho {
    static final int LARGEST = 64 << 20;

    /** Puts back what the decoder has taken off the end. */
    static class Ending extends MessageToMessageEncoder<ByteBuf> {
        final byte[] ending;

        Ending(String ending) {
            this.ending = ending.getBytes();
        }

        @Override
        protected void encode(ChannelHandlerContext context, ByteBuf message, List<Object> out) {
            out.add(Unpooled.wrappedBuffer(message.retain(), Unpooled.wrappedBuffer(ending)));
        }
    }

    static class Echo extends ChannelInboundHandlerAdapter {
        ChannelFuture last;

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            last = context.writeAndFlush(message);
        }

        /** Reads no further than can be written. */
        @Override
        public void channelWritabilityChanged(ChannelHandlerContext context) {
            context.channel().config().setAutoRead(context.channel().isWritable());
        }

        /** The client's FIN: what is queued goes first. */
        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            if (event instanceof ChannelInputShutdownEvent) {
                (last == null ? context.newSucceededFuture() : last).addListener(ChannelFutureListener.CLOSE);
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            if (!(cause instanceof TooLongFrameException)) context.close();
        }
    }

    static ChannelHandler[] codec(String name) {
        return switch (name) {
            case "bytes" -> new ChannelHandler[] {};
            case "fixed" -> new ChannelHandler[] {new FixedLengthFrameDecoder(16)};
            case "length" -> new ChannelHandler[] {
                new LengthFieldBasedFrameDecoder(LARGEST, 0, 4, 0, 4), new LengthFieldPrepender(4)
            };
            case "length-2" -> new ChannelHandler[] {
                new LengthFieldBasedFrameDecoder(LARGEST, 0, 2, 0, 2), new LengthFieldPrepender(2)
            };
            case "lines" -> new ChannelHandler[] {new LineBasedFrameDecoder(LARGEST), new Ending("\n")};
            case "lines-short" -> new ChannelHandler[] {new LineBasedFrameDecoder(1000), new Ending("\n")};
            case "length-short" -> new ChannelHandler[] {
                new LengthFieldBasedFrameDecoder(1004, 0, 4, 0, 4), new LengthFieldPrepender(4)
            };
            case "nul" -> new ChannelHandler[] {new DelimiterBasedFrameDecoder(LARGEST, Delimiters.nulDelimiter()), new Ending("\0")};
            case "crlf-short" -> new ChannelHandler[] {
                new DelimiterBasedFrameDecoder(1000, Unpooled.wrappedBuffer("\r\n".getBytes())), new Ending("\r\n")
            };
            case "varint" -> new ChannelHandler[] {
                new ProtobufVarint32FrameDecoder(), new ProtobufVarint32LengthFieldPrepender()
            };
            default -> throw new IllegalArgumentException(name);
        };
    }

    public static void main(String[] args) throws Exception {
        var pipeline = new ChannelInitializer<SocketChannel>() {
            @Override
            protected void initChannel(SocketChannel channel) {
                channel.pipeline().addLast(codec(args[0])).addLast(new Echo());
            }
        };
        new ServerBootstrap()
            .group(new NioEventLoopGroup(2))
            .channel(NioServerSocketChannel.class)
            .option(ChannelOption.SO_BACKLOG, 1024)
            .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
            .childHandler(pipeline)
            .bind("127.0.0.1", Integer.parseInt(args[1]))
            .sync();
    }
}
