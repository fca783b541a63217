// Package feeds polls sources and turns what they give into readings.
//
// A [Feed] is a [Source] with a name and an interval. A [Subscription] is a feed with its parameters: a user, a page, a
// filter. A [Scheduler] knows which subscriptions are wanted, polls for them, and gives each [Reading] to a [Sink].
//
// # Once an interval
//
// However many want a subscription, it is polled once an interval. Subscriptions that need the same question asked of
// the source share a poll: all pages and filters of a Whole source, all users of one that is not PerUser. The first
// poll starts at once, those after it on a grid of whole intervals from there. A tick that is missed is skipped, never
// made up for. Who comes while the newest table is younger than two intervals is served from it, and who comes back
// within the interval costs no poll of their own.
//
// A subscription is wanted while it is watched or pinned, and for 3 intervals after the last Watch, Want or Newest.
// Then the scheduler forgets it and tells the sink to drop it; sooner where the bounds leave no room for what is new.
//
// # Every poll gives a reading
//
// A poll has 80 % of the interval. A failure, a panic and a source that does not come back are readings too: Stale with
// the last good page, or Failed when there is none. A source that ignores the end of its context holds up nobody else;
// it is not asked again before it has returned, and each tick until then says so. What it returns late is thrown away.
// Who comes, other than by Pin, when there is no reading younger than two intervals, such as after a machine slept, waits
// for the next one. When there is none 2 s later the subscription gets one that is Loading.
//
// A feed with MaxAge whose newest time is older than that is Stale, reason source-old, though its polls succeed. A table
// in which no time can be read counts as old: nothing shows that it is not. Of a source that cuts its own pages the
// first page is judged, unless it tells the newest time itself.
//
// What a source gives is repaired before anybody sees it: text that is not UTF-8, numbers that JSON cannot carry,
// more records than were asked for, wrong totals.
//
// # Order
//
// The sink is called from one goroutine. The readings of a subscription come in the order of their versions, and Drop
// comes after the last of them. Version is the time in Unix microseconds, or one more than the last if that is not
// higher; Before is the version that the sink was given just before. Newest and the sink agree: what Newest returns,
// the sink has taken, unless it is a Loading that the caller was too early for.
//
// # Bounds
//
// Distinct polls are bounded in all and for each feed, distinct subscriptions in all, and so are the polls of one feed
// that run at the same time. At a bound of polls or subscriptions the one that nobody watches or pins and that was
// named longest ago makes room; where there is none, the new one is refused. Of each poll the newest good table is kept, of each subscription its newest page and the
// last hour of its values: 100 series, 3,600 points each, 16 bytes a point.
package feeds
