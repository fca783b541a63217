package pulsebench;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.util.concurrent.GlobalEventExecutor;

/** Everybody who is connected: a ChannelGroup, which is Netty's own way to send one thing to many. */
final class Room {
    private final ChannelGroup clients = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);

    void join(Channel client) {
        clients.add(client); // which forgets it when it closes
    }

    /** Sends to all and releases the payload. The bytes are shared; each client gets a frame around them. */
    void publish(ByteBuf payload) {
        clients.writeAndFlush(new TextWebSocketFrame(payload), channel -> true, true);
    }
}
