package pulsebench;

import io.netty.channel.ChannelInitializer;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler;

/** The pipeline of Netty's WebSocket example, without compression. */
final class Pipeline extends ChannelInitializer<SocketChannel> {
    private static final int MAX_REQUEST = 64 << 10;

    private final Room room;

    Pipeline(Room room) {
        this.room = room;
    }

    @Override
    protected void initChannel(SocketChannel channel) {
        channel.pipeline()
                .addLast(new HttpServerCodec())
                .addLast(new HttpObjectAggregator(MAX_REQUEST))
                .addLast(new WebSocketServerProtocolHandler("/ws"))
                .addLast(new Publisher(room))
                .addLast(new Subscriber(room));
    }
}
