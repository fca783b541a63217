// Package client watches a pulsewall from a Go program, and talks through it.
//
// A [Client] holds what to watch and where it has got to. [Client.Events] connects and yields what comes, until its context ends or the
// server refuses for good:
//
//	c := client.New(client.Options{URL: "https://wall.example", Subs: []string{"stocks/-/1/10"}, Rooms: []string{"ops"}})
//	for event, err := range c.Events(ctx) {
//		if err != nil {
//			return err
//		}
//		switch e := event.(type) {
//		case client.Reading:
//			fmt.Println(e.Sub, e.Status, e.Page.Total)
//		case client.Message:
//			fmt.Println(e.From.Name, string(e.Data))
//		}
//	}
//
// It takes the best transport that gets through: WebSocket, SSE, long poll. One is proved by its hello; a better one is tried again
// later, beside the one that works. A connection that ends, or is silent for too long, or holds back a reading that is due, is opened
// again from where the program is, on whatever node answers, after a random delay that spreads programs.
//
// What a program may rely on:
//
//   - Messages come in one order, each once. Where the server has to admit that some may be lost there is a [Reset].
//   - Readings are state: the newest of each subscription comes, and a slow program is given no backlog.
//   - A slow loop slows the connection, and nothing piles up in memory. A connection that the server gives up meanwhile is opened again
//     from where the loop is.
//   - [Client.Cursor] is where the loop is. Kept somewhere and given to the next client as [Options.After], nothing is lost between them.
//   - [Client.Send] places its message exactly once, however often it has to be repeated, and needs no loop of Events.
//   - Everything may be called at any time by any goroutine, also by the loop itself.
//   - When the loop is left, no goroutine and no connection of this package remains.
package client
