package pulsebench;

import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;

/** Answers the requests that are no WebSocket handshake: what is to be sent to all, and a full garbage collection. */
final class Publisher extends SimpleChannelInboundHandler<FullHttpRequest> {
    private static final long GIVING_BACK_MILLIS = 500;

    private final Room room;

    Publisher(Room room) {
        this.room = room;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) throws InterruptedException {
        HttpResponseStatus status = HttpResponseStatus.NO_CONTENT;
        if (!request.method().equals(HttpMethod.POST)) {
            status = HttpResponseStatus.METHOD_NOT_ALLOWED;
        } else if (request.uri().equals("/publish")) {
            room.publish(request.content().retain());
        } else if (request.uri().equals("/gc")) {
            collect();
        } else {
            status = HttpResponseStatus.NOT_FOUND;
        }
        answer(context, request, status);
    }

    /** Returns when the memory has been given back, which a thread of the JVM does by and by after the collection. */
    private static void collect() throws InterruptedException {
        System.gc();
        Thread.sleep(GIVING_BACK_MILLIS);
    }

    private static void answer(ChannelHandlerContext context, FullHttpRequest request, HttpResponseStatus status) {
        var response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status);
        if (!status.equals(HttpResponseStatus.NO_CONTENT)) {
            response.headers().setInt(HttpHeaderNames.CONTENT_LENGTH, 0);
        }
        var sent = context.writeAndFlush(response);
        if (!HttpUtil.isKeepAlive(request)) {
            sent.addListener(ChannelFutureListener.CLOSE);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        context.close();
    }
}
