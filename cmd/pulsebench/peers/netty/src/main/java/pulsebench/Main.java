package pulsebench;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.Version;
import java.net.InetSocketAddress;

/** Sends to WebSockets by Netty, over NIO or epoll, as its guide and its WebSocket example are built. */
public final class Main {
    /** One event loop for each of the two processors that every server of the comparison has. */
    private static final int LOOPS = 2;

    private static final int BACKLOG = 4096;

    private Main() {}

    public static void main(String[] args) throws Exception {
        boolean epoll = args.length > 0 && args[0].equals("epoll");
        IoHandlerFactory io = epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
        Class<? extends ServerChannel> kind = epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
        EventLoopGroup accept = new MultiThreadIoEventLoopGroup(1, io);
        EventLoopGroup work = new MultiThreadIoEventLoopGroup(LOOPS, io);
        Channel server = new ServerBootstrap()
                .group(accept, work)
                .channel(kind)
                .option(ChannelOption.SO_BACKLOG, BACKLOG)
                .childHandler(new Pipeline(new Room()))
                .bind("127.0.0.1", 0)
                .sync()
                .channel();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            server.close().syncUninterruptibly();
            work.shutdownGracefully(0, 1, java.util.concurrent.TimeUnit.SECONDS).syncUninterruptibly();
            accept.shutdownGracefully(0, 1, java.util.concurrent.TimeUnit.SECONDS).syncUninterruptibly();
        }));
        InetSocketAddress address = (InetSocketAddress) server.localAddress();
        System.out.println("version " + Version.identify().get("netty-transport").artifactVersion() + " on Java " + Runtime.version());
        System.out.println("listening " + address.getAddress().getHostAddress() + ":" + address.getPort());
        server.closeFuture().sync();
    }
}
